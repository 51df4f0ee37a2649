/*! Where text stands in requests for moderation. */

use crate::json::{Error, Key, Kind, Reader};
use crate::protocols::texts::{Found, Origin, Walk, walk_request};

pub(in crate::protocols) fn request<'a>(
    body: &'a [u8],
    visit: &mut dyn FnMut(Found<'a>),
) -> Result<(), Error> {
    walk_request(body, visit, |walk, reader, key| {
        match key.value().as_ref() {
            "input" => input(walk, reader),
            _ => walk.unknown(reader, key, Origin::Other),
        }
    })
}

/// A text, texts, or parts.
fn input<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    match reader.kind()? {
        Kind::Array => reader.array(|reader| input(walk, reader)),
        Kind::Object => reader.object(|reader, key| part(walk, reader, key)),
        _ => walk.strings(reader, Origin::User),
    }
}

fn part<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Error> {
    match (key.value().as_ref(), reader.kind()?) {
        ("type", _) => walk.names(reader),
        ("text", _) => walk.strings(reader, Origin::User),
        ("image_url", Kind::Object) => reader.object(|reader, key| match key.value().as_ref() {
            "url" => walk.url(reader),
            _ => walk.unknown(reader, key, Origin::Other),
        }),
        ("image_url", _) => walk.url(reader),
        _ => walk.unknown(reader, key, Origin::Other),
    }
}
