/*! `POST /v1/audio/transcriptions`: a sound in a form of several parts (RFC 7578). */

use base64::prelude::{BASE64_STANDARD, Engine};

/// What parts the form; one that stands in the sound is not taken.
const BOUNDARIES: [(&str, &str); 3] = [
    (
        "multipart/form-data; boundary=tollgate-8f2c1d7a94e65b30",
        "tollgate-8f2c1d7a94e65b30",
    ),
    (
        "multipart/form-data; boundary=tollgate-31b07e6dd2c9a458",
        "tollgate-31b07e6dd2c9a458",
    ),
    (
        "multipart/form-data; boundary=tollgate-c64f9a105be8d273",
        "tollgate-c64f9a105be8d273",
    ),
];

/// Longest name of a format.
const MAX_FORMAT: usize = 8;

/// The type and the body of the form; `None` if the sound is no base64.
pub(super) fn question(model: &str, data: &str, format: &str) -> Option<(&'static str, Vec<u8>)> {
    let sound = BASE64_STANDARD.decode(data).ok()?;
    let is_name = format.bytes().all(|c| c.is_ascii_alphanumeric());
    let format = match format {
        "" => "wav",
        format if is_name && format.len() <= MAX_FORMAT => format,
        _ => return None,
    };
    let in_it = |what: &[u8], boundary: &str| {
        let mut windows = what.windows(boundary.len());
        windows.any(|window| window == boundary.as_bytes())
    };
    let mut boundaries = BOUNDARIES.into_iter();
    let (content_type, boundary) = boundaries
        .find(|(_, boundary)| !in_it(&sound, boundary) && !in_it(model.as_bytes(), boundary))?;
    let mut body = Vec::with_capacity(sound.len().saturating_add(512));
    for (name, value) in [("model", model), ("response_format", "json")] {
        let field = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(field.as_bytes());
    }
    let head = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"audio.{format}\"\r\ncontent-type: audio/{format}\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(&sound);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Some((content_type, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_becomes_a_file_of_a_form() {
        let (content_type, body) = question("whisper-1", "QUJD", "mp3").unwrap();
        let (_, boundary) = content_type.split_once("boundary=").unwrap();
        let body = String::from_utf8(body).unwrap();
        let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
        assert_eq!(parts.len(), 5, "{body}");
        assert!(parts[1].ends_with("name=\"model\"\r\n\r\nwhisper-1\r\n"));
        assert!(parts[3].contains("filename=\"audio.mp3\""));
        assert!(parts[3].ends_with("audio/mp3\r\n\r\nABC\r\n"));
        assert_eq!(parts[4], "--\r\n");
    }

    #[test]
    fn a_sound_can_not_end_its_part() {
        let (_, first) = BOUNDARIES[0];
        let data = BASE64_STANDARD.encode(format!("\r\n--{first}--\r\n"));
        let (content_type, _) = question("m", &data, "wav").unwrap();
        assert_eq!(content_type, BOUNDARIES[1].0);
        let all: String = BOUNDARIES.iter().map(|(_, boundary)| *boundary).collect();
        assert_eq!(question("m", &BASE64_STANDARD.encode(all), "wav"), None);
    }

    #[test]
    fn what_is_no_sound_is_not_asked_about() {
        assert_eq!(question("m", "no base64!", "wav"), None);
        assert_eq!(question("m", "QUJD", "wav\"\r\nx: y"), None);
        assert_eq!(question("m", "QUJD", "far-too-long"), None);
        assert!(question("m", "QUJD", "").is_some());
    }
}
