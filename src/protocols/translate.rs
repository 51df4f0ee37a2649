//! STUB to compile against, replaced on merge.
#![allow(missing_docs, dead_code, unused_variables)]
use super::{Protocol, Refusal};
#[derive(Debug)]
pub struct Target<'a> {
    pub model: &'a str,
    pub max_output: Option<u64>,
}
#[derive(Debug)]
pub struct Translated {
    pub body: Vec<u8>,
    pub dropped: Vec<&'static str>,
}
#[derive(Debug)]
pub struct Malformed;
#[derive(Debug)]
pub struct About<'a> {
    pub model: &'a str,
    pub created: u64,
}
pub fn request(
    from: Protocol,
    to: Protocol,
    body: &[u8],
    target: &Target<'_>,
) -> Result<Translated, Refusal> {
    Ok(Translated {
        body: body.to_vec(),
        dropped: vec![],
    })
}
pub fn answer(
    from: Protocol,
    to: Protocol,
    body: &[u8],
    about: &About<'_>,
) -> Result<Vec<u8>, Malformed> {
    Err(Malformed)
}
pub fn error(from: Protocol, to: Protocol, status: u16, body: &[u8]) -> (u16, Vec<u8>) {
    (status, body.to_vec())
}
#[derive(Debug)]
pub struct Stream;
impl Stream {
    pub fn new(from: Protocol, to: Protocol, about: &About<'_>) -> Self {
        Self
    }
    pub fn event(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        Ok(())
    }
    pub fn end(&mut self, out: &mut Vec<u8>) -> bool {
        true
    }
}
