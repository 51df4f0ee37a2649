/*! The program: it says where it listens, and answers there under the names that it was given. */

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(address: &str) -> String {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    let length = body.len();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n\
         x-mock: {{\"one\":{{\"text\":\"first\"}},\"two\":{{\"text\":\"second\"}}}}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn two_mocks_by_name() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-provider"));
    command.args(["one=127.0.0.1:0", "two=127.0.0.1:0"]);
    let mut program = Program(command.stderr(Stdio::piped()).spawn().unwrap());
    let said = BufReader::new(program.0.stderr.take().unwrap());
    let mut lines = said.lines().map(Result::unwrap);
    for (name, text) in [("one", "first"), ("two", "second")] {
        let line = lines.next().unwrap();
        let address = line.strip_prefix(&format!("mock provider {name} on "));
        let answer = ask(address.unwrap_or_else(|| panic!("{line}")));
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains(text), "{answer}");
    }
}
