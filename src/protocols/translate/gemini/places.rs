/*! Which URLs Gemini may be told to read. */

/// Hosts, with all below them, whose URLs are more than a place in the web: files of the
/// operator's own account at Google (Files API, Vertex AI), and videos of any length, whatever
/// the part says that they are (guides "Files API" and "Video understanding").
const REFUSED: [&str; 4] = [
    "googleapis.com",
    "youtu.be",
    "youtube.com",
    "youtube-nocookie.com",
];

/// Public objects and signed URLs of Cloud Storage, which anybody may read.
const PUBLIC: &str = "storage.googleapis.com";

/// Why a URL can't be passed on, if it can't.
pub(super) fn problem(url: &str) -> Option<&'static str> {
    let Some(rest) = url.strip_prefix("https://") else {
        return Some("has a URL that is not https, which the provider of this model demands");
    };
    // As browsers read it: `\\` stands for a slash.
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let is_host = !host.is_empty() && host.bytes().all(plain);
    if !is_host || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some("has a URL whose host is not a plain name");
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let refused = REFUSED.iter().any(|name| is_below(&host, name)) && !is_below(&host, PUBLIC);
    refused.then_some("has a URL at a host that the provider of this model gives more access to")
}

fn is_below(host: &str, name: &str) -> bool {
    let front = host.strip_suffix(name);
    front.is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_files_of_the_operators_account_and_videos_are_not_named() {
        for (url, passes) in [
            ("https://a.example/b.png", true),
            ("https://a.example:8443/b.png?x=youtube.com", true),
            ("https://a.example#@youtube.com", true),
            ("https://notyoutube.com/b.png", true),
            ("https://youtube.com.example/b.png", true),
            ("https://storage.googleapis.com/bucket/b.png", true),
            ("https://bucket.storage.googleapis.com/b.png", true),
            (
                "https://generativelanguage.googleapis.com/v1beta/files/abc",
                false,
            ),
            (
                "https://GenerativeLanguage.GoogleAPIs.com./v1beta/files/abc",
                false,
            ),
            (
                "https://generativelanguage.googleapis.com:443/v1beta/files/a.png",
                false,
            ),
            (
                "https://x@generativelanguage.googleapis.com/v1beta/files/a.png",
                false,
            ),
            (
                "https://generativelanguage%2Egoogleapis.com/v1beta/files/a.png",
                false,
            ),
            (
                "https://generativelanguage\u{3002}googleapis.com/a.png",
                false,
            ),
            ("https://us-central1-aiplatform.googleapis.com/a.png", false),
            ("https://notstorage.googleapis.com/a.png", false),
            ("https://www.youtube.com/watch?v=abc&x=.png", false),
            ("https://youtube.com\\@a.example/b.png", false),
            ("https://youtu.be/abc.png", false),
            ("https://m.youtube-nocookie.com/embed/abc", false),
            ("https:///youtu.be/abc", false),
            ("https://", false),
            ("gs://bucket/a.png", false),
            ("http://a.example/b.png", false),
            ("HTTPS://a.example/b.png", false),
        ] {
            assert_eq!(problem(url).is_none(), passes, "{url}");
        }
    }
}
