/*! Where text stands in requests for embeddings. */

use crate::json::{Error, Key, Reader};
use crate::protocols::openai::completions::texts::prompts;
use crate::protocols::texts::{Found, Origin, Walk, walk_request};

pub(in crate::protocols) fn request<'a>(
    body: &'a [u8],
    visit: &mut dyn FnMut(Found<'a>),
) -> Result<(), Error> {
    walk_request(body, visit, member)
}

fn member<'a>(
    walk: &mut Walk<'_, 'a>,
    reader: &mut Reader<'a>,
    key: &Key<'a>,
) -> Result<(), Error> {
    match key.value().as_ref() {
        "input" => prompts(walk, reader),
        // The latter is of Cohere's models and others.
        "encoding_format" | "dimensions" | "input_type" => walk.names(reader),
        _ => walk.unknown(reader, key, Origin::Other),
    }
}
