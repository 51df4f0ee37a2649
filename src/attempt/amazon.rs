/*! What Amazon's names of errors mean: in the header `x-amzn-errortype` of answers, and in streams.

Source: Amazon Bedrock's API reference, "Converse", "ConverseStream" and "Common errors". */

use serde_json::Value;

/// The header that names an error; what follows a colon is where it is described.
pub(super) const ERROR_TYPE: &str = "x-amzn-errortype";

/// Names without `Exception` at their end, in lower case, and the status that says the same.
const STATUSES: [(&str, u16); 20] = [
    ("accessdenied", 403),
    ("expiredtoken", 403),
    ("incompletesignature", 403),
    ("internalfailure", 500),
    ("internalserver", 500),
    ("invalidclienttokenid", 403),
    ("invalidsignature", 403),
    ("missingauthenticationtoken", 403),
    // Under a 424: it is the provider's failure.
    ("modelerror", 502),
    ("modelnotready", 503),
    ("modelstreamerror", 502),
    ("modeltimeout", 504),
    ("optinrequired", 403),
    ("requestexpired", 403),
    ("resourcenotfound", 404),
    // Some say these two under a 400.
    ("servicequotaexceeded", 429),
    ("throttling", 429),
    ("serviceunavailable", 503),
    ("unrecognizedclient", 403),
    ("validation", 400),
];

/// The status of an error by its name; `None`: it is not known.
pub(super) fn status_of(name: &str) -> Option<u16> {
    let name = name.split(':').next().unwrap_or_default();
    // Some put the name space before it.
    let name = name.rsplit('#').next().unwrap_or_default();
    let name = name.trim().to_ascii_lowercase();
    let name = name.strip_suffix("exception").unwrap_or(&name);
    let mut known = STATUSES.iter().filter(|(known, _)| *known == name);
    known.next().map(|(_, status)| *status)
}

/// The message of an error's body; empty if there is none.
pub(super) fn message_of(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = value.get("message").and_then(Value::as_str);
    message.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_statuses() {
        for (name, status) in [
            ("ThrottlingException", Some(429)),
            ("throttlingException", Some(429)),
            (
                "ThrottlingException:http://internal.amazon.com/coral/",
                Some(429),
            ),
            ("com.amazon.coral.service#AccessDeniedException", Some(403)),
            ("ServiceQuotaExceededException", Some(429)),
            ("ModelErrorException", Some(502)),
            ("modelTimeoutException", Some(504)),
            ("InternalFailure", Some(500)),
            ("validationException", Some(400)),
            ("ModelStreamErrorException", Some(502)),
            ("TeapotException", None),
            ("Exception", None),
            ("", None),
        ] {
            assert_eq!(status_of(name), status, "{name}");
        }
    }
}
