/*! `mock-provider [[NAME=]ADDRESS…]`: runs mocks until they are stopped; one without a name
on 127.0.0.1:8001 by default. */

use mock_provider::Mock;
use std::io;

const DEFAULT: &str = "127.0.0.1:8001";

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut places: Vec<String> = std::env::args().skip(1).collect();
    if places.is_empty() {
        places.push(DEFAULT.to_owned());
    }
    for place in places {
        let (name, address) = place.split_once('=').unwrap_or(("", &place));
        let address = address.parse().map_err(io::Error::other)?;
        let mock = Mock::named(name, address).await?;
        eprintln!("mock provider {name} on {}", mock.address());
    }
    tokio::signal::ctrl_c().await
}
