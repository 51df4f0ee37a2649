/*! What Amazon's names of errors mean: in the header `x-amzn-errortype` of answers, and in streams.

Source: Amazon Bedrock's API reference, "Converse", "ConverseStream" and "Common errors". */

use super::tries::Why;
use serde_json::Value;

/// The header that names an error; what follows a colon is where it is described.
pub(super) const ERROR_TYPE: &str = "x-amzn-errortype";

/// Names without `Exception` at their end, in lower case, and the status that says the same.
const STATUSES: [(&str, u16); 21] = [
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
    // Under a 400.
    ("notauthorized", 403),
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

/// Names of errors that the model has made of this request: it may do well with the next one.
const OF_THE_MODEL: [&str; 2] = ["modelerror", "modelstreamerror"];

/// What messages of wrong requests mean that are the operator's fault, in lower case: a model that
/// the region does not have, or has under another name only, and an account that may not.
const OF_THE_OPERATOR: [(&str, u16); 5] = [
    ("model identifier is invalid", 404),
    ("on-demand throughput", 404),
    ("reached the end of its life", 404),
    ("operation not allowed", 403),
    ("not authorized to perform", 403),
];

/// What a model says that can't cache a prompt, under a 403: the request's fault, in lower case.
const NO_CACHING: &str = "did not allow prompt caching";

/// The status of an error by its name; `None`: it is not known.
pub(super) fn status_of(name: &str) -> Option<u16> {
    let name = plain(name);
    let mut known = STATUSES.iter().filter(|(known, _)| *known == name);
    known.next().map(|(_, status)| *status)
}

/// The class of an error that says more than its status.
pub(super) fn class_of(name: &str) -> Option<Why> {
    OF_THE_MODEL
        .contains(&plain(name).as_str())
        .then_some(Why::Model)
}

fn plain(name: &str) -> String {
    let name = name.split(':').next().unwrap_or_default();
    // Some put the name space before it.
    let name = name.rsplit('#').next().unwrap_or_default();
    let name = name.trim().to_ascii_lowercase();
    name.strip_suffix("exception").unwrap_or(&name).to_owned()
}

/// The status that an error should have had by its message.
pub(super) fn status_by_message(status: u16, message: &str) -> u16 {
    let message = message.to_ascii_lowercase();
    match status {
        // It repeats what the caller has written.
        400 if message.contains("validation error") || message.contains("value '") => status,
        403 if message.contains(NO_CACHING) => 400,
        400 => {
            let mut known = OF_THE_OPERATOR.iter();
            let known = known.find(|(words, _)| message.contains(words));
            known.map_or(status, |(_, status)| *status)
        }
        _ => status,
    }
}

/// The message of an error's body; empty if there is none.
pub(super) fn message_of(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = value.get("message").or_else(|| value.get("Message"));
    message
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
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
            ("NotAuthorized", Some(403)),
            ("TeapotException", None),
            ("Exception", None),
            ("", None),
        ] {
            assert_eq!(status_of(name), status, "{name}");
        }
    }
    #[test]
    fn regression_a_prompt_does_not_cool_a_target_down() {
        for name in ["ModelErrorException", "modelStreamErrorException"] {
            assert_eq!(class_of(name), Some(Why::Model), "{name}");
        }
        assert!(!Why::Model.blames_target());
        assert_eq!(class_of("ThrottlingException"), None);
    }

    #[test]
    fn regression_the_operators_faults_are_not_the_callers() {
        for (status, message, meant) in [
            (400, "The provided model identifier is invalid.", 404),
            (
                400,
                "Invocation of model ID x with on-demand throughput isn\u{2019}t supported.",
                404,
            ),
            (400, "Operation not allowed", 403),
            (400, "The value at messages.0 is wrong.", 400),
            (
                400,
                "1 validation error detected: Value 'operation not allowed' at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint",
                400,
            ),
            (500, "Operation not allowed", 500),
            (
                403,
                "You invoked an unsupported model or your request did not allow prompt caching.",
                400,
            ),
            (403, "You don't have access to the model.", 403),
        ] {
            assert_eq!(status_by_message(status, message), meant, "{message}");
        }
    }

    #[test]
    fn messages_are_read_in_both_spellings() {
        assert_eq!(message_of(br#"{"message":"a"}"#), "a");
        assert_eq!(message_of(br#"{"Message":"b"}"#), "b");
        assert_eq!(message_of(b"<html>"), "");
    }
}
