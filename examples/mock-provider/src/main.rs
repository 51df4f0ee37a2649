/*! `mock-provider [ADDRESS]`: runs the mock until it is stopped; 127.0.0.1:8001 by default. */

use mock_provider::Mock;
use std::net::SocketAddr;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:8001".to_owned());
    let address: SocketAddr = address.parse().map_err(std::io::Error::other)?;
    let mock = Mock::start(address).await?;
    eprintln!("mock provider on {}", mock.address());
    tokio::signal::ctrl_c().await
}
