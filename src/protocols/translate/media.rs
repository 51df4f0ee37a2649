/*! Images and files. */

use super::path::Path;
use super::text::Text;
use crate::protocols::Refusal;
use std::borrow::Cow;

/// What is wrong with bytes that are of none of the types which a provider takes.
pub(super) fn other_type(taken: &[&str]) -> String {
    let taken = taken.join(", ");
    format!("has a media type that the provider of this model does not take; it takes {taken}")
}

/// Where the bytes of an image or a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Media<'a> {
    /// In the request.
    Base64 {
        /// Such as `image/png`.
        kind: String,
        /// Letters of base64 only, so it needs no escapes in JSON.
        data: Cow<'a, str>,
    },
    Url(Text<'a>),
}

impl<'a> Media<'a> {
    /// Bytes in the request, if `data` is written in base64.
    pub(super) fn base64(kind: &str, data: Cow<'a, str>) -> Option<Self> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        data.bytes().all(letter).then(|| Self::Base64 {
            kind: kind.to_ascii_lowercase(),
            data,
        })
    }

    /// What a URL of the scheme `data` holds (RFC 2397), if it is in base64.
    pub(super) fn data_url(url: Cow<'a, str>) -> Option<Self> {
        let (head, _) = url.split_once(',')?;
        let start = head.len().checked_add(1)?;
        let kind = head.strip_prefix("data:")?.strip_suffix(";base64")?;
        let kind = kind.split(';').next().unwrap_or_default().to_owned();
        let data = match url {
            Cow::Borrowed(url) => Cow::Borrowed(url.get(start..)?),
            Cow::Owned(url) => Cow::Owned(url.get(start..)?.to_owned()),
        };
        Self::base64(&kind, data)
    }

    /// The image at a URL of the scheme `https`, `http` or `data`.
    pub(super) fn image(url: Text<'a>, at: &Path<'_>) -> Result<Self, Refusal> {
        let head: String = url.inside().chars().take(8).collect();
        if head.starts_with("data:") {
            let media = Self::data_url(url.into_value());
            return media.ok_or_else(|| at.wrong("must hold base64"));
        }
        // Slashes may be escaped in JSON.
        let scheme = url.value();
        if scheme.starts_with("https://") || scheme.starts_with("http://") {
            drop(scheme);
            return Ok(Self::Url(url));
        }
        Err(at.wrong("must be a URL of the scheme https or data"))
    }

    /// The file that a `data` URL holds.
    pub(super) fn file_data(url: Text<'a>, at: &Path<'_>) -> Result<Self, Refusal> {
        let media = Self::data_url(url.into_value());
        media.ok_or_else(|| at.wrong("must be a data URL in base64"))
    }
}
