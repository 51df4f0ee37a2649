/*! The objects of a store: where they are, and what its answers say of them. */

use super::super::outbox::is_success;
use super::super::snapshot::{Snapshot, Unreadable};
use crate::http::Answer;

/// The object that says whose the store is.
pub(super) const OWNER: &str = "owner";

/// What is known of the objects of one policy.
#[derive(Debug)]
pub(super) struct Objects {
    namespace: String,
    /// With a slash at its end.
    folder: String,
    /// The names of the records of tenants and models.
    pub(super) limits: Vec<String>,
}

/// What a `GET` has brought.
#[derive(Debug)]
pub(super) enum Fetched {
    /// There is no such object.
    Nothing,
    /// This.
    Snapshot(Snapshot),
    /// Something that can't be used.
    Unreadable(Unreadable),
    /// No object, and no word that there is none; why.
    Failed(String),
}

impl Objects {
    pub(super) fn new(path: &str, namespace: &str, limits: Vec<String>) -> Self {
        Self {
            folder: format!("{path}/{}/", segment(namespace)),
            namespace: namespace.to_owned(),
            limits,
        }
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn path(&self, object: &str) -> String {
        format!("{}{object}", self.folder)
    }

    /// What an answer says of `object`.
    pub(super) fn fetched(&self, answer: Option<&Answer>, object: &str) -> Fetched {
        match answer {
            Some(Answer { status: 404, .. }) => Fetched::Nothing,
            Some(Answer { status: 200, body }) => {
                match Snapshot::decode(body, &self.namespace, object) {
                    Ok(snapshot) => Fetched::Snapshot(snapshot),
                    Err(why) => Fetched::Unreadable(why),
                }
            }
            other => Fetched::Failed(failure(other)),
        }
    }
}

/// A name as one segment of a path (RFC 3986): all but letters, digits, `-`, `_`, `.` and `~`
/// is escaped.
fn segment(name: &str) -> String {
    let mut path = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

/// Whether a `PUT` has been done; else why not.
pub(super) fn stored(answer: Option<&Answer>) -> Result<(), String> {
    if is_success(answer) {
        Ok(())
    } else {
        Err(failure(answer))
    }
}

fn failure(answer: Option<&Answer>) -> String {
    match answer {
        Some(answer) => format!("status {}", answer.status),
        None => "Envoy could not make the request".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        let objects = Objects::new("/kv", "a/b c@1", Vec::new());
        assert_eq!(objects.path("owner"), "/kv/a%2Fb%20c%401/owner");
    }

    #[test]
    fn only_404_says_that_there_is_nothing() {
        let objects = Objects::new("", "g", Vec::new());
        let fetched = |status, body: &[u8]| {
            let body = body.to_vec();
            objects.fetched(Some(&Answer { status, body }), OWNER)
        };
        assert!(matches!(fetched(404, b"not here"), Fetched::Nothing));
        assert!(matches!(fetched(200, b""), Fetched::Unreadable(_)));
        for status in [201, 204, 301, 401, 403, 410, 500, 503, 504] {
            let found = fetched(status, b"");
            assert!(matches!(found, Fetched::Failed(_)), "{status}");
        }
        assert!(matches!(objects.fetched(None, OWNER), Fetched::Failed(_)));
    }
}
