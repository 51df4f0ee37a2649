/*! Where text stands. */

use crate::json::{Error, Reader};
use crate::mask::Form;
use crate::protocols::event::unwatched;
use crate::protocols::texts::{
    AnswerTexts, ChannelKey, EventTexts, Found, InputText, Origin, Said, strings,
};

pub(in crate::protocols) fn request<'a>(
    body: &'a [u8],
    visit: &mut dyn FnMut(Found<'a>),
) -> Result<(), Error> {
    let mut reader = Reader::new(body, unwatched)?;
    strings(&mut reader, &mut |text| {
        visit(Found::Text(InputText {
            text,
            origin: Origin::Other,
            form: Form::Text,
        }))
    })?;
    reader.finish()
}

pub(in crate::protocols) fn event(data: &[u8]) -> Result<EventTexts<'_>, Error> {
    answer(data).map(|answer| EventTexts {
        said: answer.said,
        ..EventTexts::default()
    })
}

pub(in crate::protocols) fn answer(body: &[u8]) -> Result<AnswerTexts<'_>, Error> {
    let mut texts = AnswerTexts::default();
    let mut reader = Reader::new(body, unwatched)?;
    strings(&mut reader, &mut |text| {
        texts.said.push(Said {
            channel: None,
            text,
            form: Form::Text,
        })
    })?;
    reader.finish()?;
    Ok(texts)
}

pub(in crate::protocols) fn blocked(_body: &[u8], _kept: &[(u32, String)]) -> String {
    String::new()
}
pub(in crate::protocols) fn rest(_data: &[u8], _rest: &[(ChannelKey, String)]) -> String {
    String::new()
}
