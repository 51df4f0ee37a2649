/*! What is alike in walks of requests. */

use super::spelling::{is_data_url, is_encoded};
use super::{
    Found, InputText, Member, Origin, Site, Table, Unscannable, by_key, emit_key, peek, read,
    unknown, value,
};
use crate::json::{Error, Key, Kind, Reader, Text};
use crate::mask::Form;
use crate::protocols::event::unwatched;

/// Takes a member of a request's outermost object.
type TakeMember<'a> = fn(&mut Walk<'_, 'a>, &mut Reader<'a>, &Key<'a>) -> Result<(), Error>;

/// Walks all of a request but the model's name: the provider gets another one.
pub(in crate::protocols) fn walk_request<'a>(
    body: &'a [u8],
    visit: &mut dyn FnMut(Found<'a>),
    member: TakeMember<'a>,
) -> Result<(), Error> {
    let mut reader = Reader::new(body, unwatched)?;
    let mut walk = Walk::new(visit);
    if reader.kind()? == Kind::Object {
        reader.object(|reader, key| match key.value().as_ref() {
            "model" => reader.skip().map(drop),
            _ => member(&mut walk, reader, key),
        })?;
    } else {
        walk.strings(&mut reader, Origin::Other)?;
    }
    reader.finish()
}

/// A walk of a request.
pub(in crate::protocols) struct Walk<'v, 'a> {
    visit: &'v mut dyn FnMut(Found<'a>),
}

impl<'v, 'a> Walk<'v, 'a> {
    pub(in crate::protocols) fn new(visit: &'v mut dyn FnMut(Found<'a>)) -> Self {
        Self { visit }
    }

    /// One text.
    pub(in crate::protocols) fn text(&mut self, text: Site<'a>, origin: Origin, form: Form) {
        (self.visit)(Found::Text(InputText { text, origin, form }));
    }

    pub(in crate::protocols) fn unscannable(&mut self, what: Unscannable) {
        (self.visit)(Found::Unscannable(what));
    }

    /// How the text of the answer shall look: JSON, or a member of it says that it shall.
    pub(in crate::protocols) fn format(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        if asks_for_json(reader).unwrap_or_default() {
            (self.visit)(Found::AsksForJson);
        }
        self.by_key(reader, definition, Origin::Definition)
    }

    /// All strings of a value.
    pub(in crate::protocols) fn strings(
        &mut self,
        reader: &mut Reader<'a>,
        origin: Origin,
    ) -> Result<(), Error> {
        self.read(reader, Member::Text, origin)
    }

    /// A value that is part of the structure.
    pub(in crate::protocols) fn names(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        self.read(reader, Member::Name, Origin::Other)
    }

    pub(in crate::protocols) fn read(
        &mut self,
        reader: &mut Reader<'a>,
        member: Member,
        origin: Origin,
    ) -> Result<(), Error> {
        read(reader, member, &mut |site| {
            self.text(site, origin, Form::Text);
        })
    }

    /// A value of which a table knows the members.
    pub(in crate::protocols) fn by_key(
        &mut self,
        reader: &mut Reader<'a>,
        table: Table,
        origin: Origin,
    ) -> Result<(), Error> {
        by_key(reader, table, &mut |site| {
            self.text(site, origin, Form::Text);
        })
    }

    /// A value of which a table knows the members, where media may stand too.
    pub(in crate::protocols) fn with_media(
        &mut self,
        reader: &mut Reader<'a>,
        table: Table,
        origin: Origin,
    ) -> Result<(), Error> {
        match reader.kind()? {
            Kind::Object => reader.object(|reader, key| {
                let name = key.value();
                match (name.as_ref(), table(&name, reader.kind()?)) {
                    ("b64_json", _) if reader.kind()? == Kind::String => self.inline(reader),
                    (_, Member::Text) => {
                        self.key(key, origin);
                        self.with_media(reader, table, origin)
                    }
                    (_, Member::Url) => self.with_media(reader, table, origin),
                    (_, member) => self.read(reader, member, origin),
                }
            }),
            Kind::Array => reader.array(|reader| self.with_media(reader, table, origin)),
            _ => self.text_or_media(reader, origin),
        }
    }

    fn text_or_media(&mut self, reader: &mut Reader<'a>, origin: Origin) -> Result<(), Error> {
        by_key(reader, unknown, &mut |site| {
            let media = matches!(site, Site::String(text) if is_data_url(text.raw()));
            if media {
                self.unscannable(Unscannable::Media);
            } else {
                self.text(site, origin, Form::Text);
            }
        })
    }

    /// A key that nothing is known of.
    pub(in crate::protocols) fn key(&mut self, key: &Key<'a>, origin: Origin) {
        emit_key(key, &mut |site| self.text(site, origin, Form::Text));
    }

    /// A member that nothing is known of. Media may stand there too.
    pub(in crate::protocols) fn unknown(
        &mut self,
        reader: &mut Reader<'a>,
        key: &Key<'a>,
        origin: Origin,
    ) -> Result<(), Error> {
        self.key(key, origin);
        self.text_or_media(reader, origin)
    }

    /// What a tool was asked: JSON, in a string or as it is.
    pub(in crate::protocols) fn arguments(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        if let Some(site) = value(reader)? {
            self.text(site, Origin::ToolCall, Form::Json);
        }
        Ok(())
    }

    /// A URL of media: those inside of the request, or where the provider fetches them.
    pub(in crate::protocols) fn url(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        if reader.kind()? != Kind::String {
            return self.strings(reader, Origin::Url);
        }
        let text = reader.string()?;
        self.url_text(text);
        Ok(())
    }

    /// A string that has media in it, in base64 or as a data URL; some servers take a URL, too.
    /// What is neither is a text as well.
    pub(in crate::protocols) fn inline(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let text = reader.string()?;
        if is_encoded(text.raw()) {
            self.unscannable(Unscannable::Media);
        } else if text.value().contains("://") {
            self.url_text(text);
        } else {
            self.unscannable(Unscannable::Media);
            if !is_data_url(text.raw()) {
                self.text(Site::String(text), Origin::Other, Form::Text);
            }
        }
        Ok(())
    }

    fn url_text(&mut self, text: Text<'a>) {
        if is_data_url(text.raw()) {
            self.unscannable(Unscannable::Media);
            return;
        }
        self.unscannable(if has_data_scheme(&text.value()) {
            Unscannable::Media
        } else {
            Unscannable::Remote
        });
        self.text(Site::String(text), Origin::Url, Form::Text);
    }

    /// The id of a file that the provider has.
    pub(in crate::protocols) fn remote_id(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        if reader.kind()? != Kind::Null {
            self.unscannable(Unscannable::Stored);
        }
        self.read(reader, Member::Id, Origin::Other)
    }

    /// A member that lets the provider use tools of its own, if it says anything.
    pub(in crate::protocols) fn provider_tools(
        &mut self,
        reader: &mut Reader<'a>,
    ) -> Result<(), Error> {
        let text = reader.rest();
        let asked = match reader.kind()? {
            Kind::Null => false,
            Kind::Bool => text.starts_with(b"true"),
            Kind::Array => {
                let inside = text.get(1..).unwrap_or_default();
                !inside.trim_ascii_start().starts_with(b"]")
            }
            Kind::Object | Kind::String | Kind::Number => true,
        };
        if asked {
            self.unscannable(Unscannable::Tools);
        }
        self.strings(reader, Origin::Other)
    }
}

/// Whether a format that comes next, which stays to be read, is JSON: by its `type`, or that of
/// its `format`.
fn asks_for_json(reader: &Reader<'_>) -> Result<bool, Error> {
    let is_json = |format: &str| matches!(format, "json_object" | "json_schema");
    let [format] = peek(reader, ["type"]);
    let mut ahead = Reader::new(reader.rest(), unwatched)?;
    if is_json(&format) || ahead.kind()? != Kind::Object {
        return Ok(is_json(&format));
    }
    let mut asks = false;
    ahead.object(|ahead, key| {
        if key.value() == "format" {
            let [format] = peek(ahead, ["type"]);
            asks |= is_json(&format);
        }
        ahead.skip().map(drop)
    })?;
    Ok(asks)
}

fn has_data_scheme(url: &str) -> bool {
    let scheme = url.trim_start().get(..5);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// Members of definitions of tools and of JSON schemas. Where a schema has a property of such
/// a name, its value is an object.
pub(in crate::protocols) fn definition(key: &str, kind: Kind) -> Member {
    let known = matches!(
        key,
        "type" | "name" | "required" | "$ref" | "$schema" | "format" | "syntax"
    );
    match (key, kind) {
        ("cache_control", Kind::Object) => Member::Name,
        (_, Kind::String | Kind::Array) if known => Member::Name,
        _ => Member::Text,
    }
}
