/*! Removing the operator's account from error texts of a provider. */

/// What ids and keys of an account start with, and whether words start so too
/// ("user-provided"); the rest is letters, digits, `-`, `_` and, in masked keys, `*`.
const PREFIXES: [(&[u8], bool); 7] = [
    (b"ABSK", true),
    (b"AIza", true),
    (b"gsk_", false),
    (b"org-", true),
    (b"proj_", false),
    (b"sk-", false),
    (b"user-", true),
];

/// Overwrites organisation ids, project ids, names of Amazon's resources and (parts of) keys with `*`. The length
/// stays, so `content-length` stays right. Returns whether anything was found.
pub fn redact_account(text: &mut [u8]) -> bool {
    let mut found = false;
    let mut at = 0;
    while let Some(rest) = text.get_mut(at..).filter(|rest| !rest.is_empty()) {
        let hidden = hide_organisation(rest).or_else(|| hide_project(rest));
        if let Some(length) = hidden.or_else(|| hide_amazon(rest)) {
            found = true;
            at = at.saturating_add(length);
            continue;
        }
        let step = match PREFIXES.iter().find(|(prefix, _)| rest.starts_with(prefix)) {
            Some((prefix, starts_words)) => {
                let (_, id) = rest.split_at_mut_checked(prefix.len()).unwrap_or_default();
                let length = id.iter().take_while(|byte| is_id(**byte)).count();
                let run = id.get(..length).unwrap_or_default();
                // Shorter runs are words ("sk-learn").
                let is_word = *starts_words && !run.iter().any(|byte| is_unwordly(*byte));
                if length >= 8 && !is_word {
                    id.iter_mut().take(length).for_each(|byte| *byte = b'*');
                    found = true;
                }
                prefix.len().saturating_add(length)
            }
            None => word_length(rest),
        };
        at = at.saturating_add(step);
    }
    found
}

/// Overwrites the id of an organisation as Anthropic writes it, a UUID behind the word
/// (`organization (5f…)`, `org: 5f…`); other UUIDs name requests. Returns how many bytes
/// were read.
fn hide_organisation(text: &mut [u8]) -> Option<usize> {
    const WORDS: [&[u8]; 3] = [b"organization", b"organisation", b"org"];
    let word = WORDS.iter().find(|word| {
        let start = text.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    })?;
    let after = text.get_mut(word.len()..)?;
    let between = after.iter().take(MAX_BETWEEN);
    let between = between
        .take_while(|byte| b" \"'(:=\\".contains(byte))
        .count();
    let id = after.get_mut(between..)?.get_mut(..UUID_LENGTH)?;
    let is_uuid = id.iter().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    if !is_uuid {
        return None;
    }
    id.iter_mut().for_each(|byte| *byte = b'*');
    Some(
        word.len()
            .saturating_add(between)
            .saturating_add(UUID_LENGTH),
    )
}

/// Overwrites the name or number of a project of Google's: `projects/1234/locations/…`,
/// `project_number:1234`, `?project=name`, `project 1234`. Returns how many bytes were read.
fn hide_project(text: &mut [u8]) -> Option<usize> {
    /// The word, and which bytes behind it an id of any letters needs.
    const WORDS: [(&[u8], &[u8]); 4] = [
        (b"projects", b"/"),
        (b"project_number", b":="),
        (b"project_id", b":="),
        (b"project", b"="),
    ];
    /// A number of fewer digits may count something else.
    const LEAST: usize = 6;
    let (word, needs) = WORDS.iter().find(|(word, _)| {
        let start = text.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    })?;
    let after = text.get_mut(word.len()..)?;
    let between = after.iter().take(MAX_BETWEEN);
    let between = between
        .take_while(|byte| b" \"'#(:=/\\".contains(byte))
        .count();
    let (marks, id) = after.split_at_mut_checked(between)?;
    let length = id.iter().take_while(|byte| is_id(**byte)).count();
    let run = id.get_mut(..length)?;
    let named = marks.iter().any(|byte| needs.contains(byte));
    let counted = length >= LEAST && !marks.is_empty() && run.iter().all(u8::is_ascii_digit);
    if length == 0 || !(named || counted) {
        return None;
    }
    run.fill(b'*');
    Some(word.len().saturating_add(between).saturating_add(length))
}

/// Overwrites what Amazon tells of an account: the name of a resource (`arn:aws:…`) to its end, twelve
/// digits behind the word (`account 123456789012`), and the id of a key. Returns how many bytes were
/// read.
fn hide_amazon(text: &mut [u8]) -> Option<usize> {
    hide_arn(text)
        .or_else(|| hide_account(text))
        .or_else(|| hide_access_key(text))
}

fn hide_arn(text: &mut [u8]) -> Option<usize> {
    const WORD: &[u8] = b"arn:";
    if !text.starts_with(b"arn:aws") {
        return None;
    }
    let ends = |pair: &[u8]| match pair {
        // In JSON a slash may have an escape.
        [b'\\', next, ..] => *next != b'/',
        [byte, ..] => byte.is_ascii_whitespace() || b"\"'`,;()[]{}<>".contains(byte),
        [] => true,
    };
    let length = (0..text.len()).find(|at| ends(text.get(*at..).unwrap_or_default()));
    let length = length.unwrap_or(text.len());
    for byte in text.get_mut(WORD.len()..length)? {
        if !matches!(*byte, b'\\' | b'/') {
            *byte = b'*';
        }
    }
    Some(length)
}

fn hide_account(text: &mut [u8]) -> Option<usize> {
    const WORD: &[u8] = b"account";
    /// The digits of an account's number.
    const DIGITS: usize = 12;
    /// Most bytes between the word and the number: `account id: "`.
    const BETWEEN: usize = 12;
    let start = text.get(..WORD.len())?;
    if !start.eq_ignore_ascii_case(WORD) {
        return None;
    }
    let after = text.get_mut(WORD.len()..)?;
    let between = after.iter().position(u8::is_ascii_digit)?;
    let number = after.get_mut(between..)?;
    let length = number
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if between > BETWEEN || length != DIGITS {
        return None;
    }
    number.iter_mut().take(length).for_each(|byte| *byte = b'*');
    Some(WORD.len().saturating_add(between).saturating_add(length))
}

fn hide_access_key(text: &mut [u8]) -> Option<usize> {
    /// Four letters and sixteen of letters and digits.
    const LENGTH: usize = 20;
    if !text.starts_with(b"AKIA") && !text.starts_with(b"ASIA") {
        return None;
    }
    let is_of_key = |byte: &&u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if text.iter().take_while(is_of_key).count() != LENGTH {
        return None;
    }
    text.get_mut(4..LENGTH)?.fill(b'*');
    Some(LENGTH)
}

/// Most bytes between the word and the id.
const MAX_BETWEEN: usize = 6;
const UUID_LENGTH: usize = 36;

/// Bytes to the next place where an id could start: after the current run of word
/// characters, so that `task-…` is not taken for `sk-…`, or after a JSON escape, whose
/// letter is no part of a word.
fn word_length(rest: &[u8]) -> usize {
    match rest {
        [b'\\', b'u', ..] => return 6,
        [b'\\', _, ..] => return 2,
        _ => {}
    }
    let word = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    word.max(1)
}

/// Whether a byte stands in ids and masked keys, but not in words of lower-case letters.
const fn is_unwordly(byte: u8) -> bool {
    byte.is_ascii_digit() || byte.is_ascii_uppercase() || byte == b'*'
}

const fn is_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        redact_account(&mut bytes);
        assert_eq!(bytes.len(), text.len());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn hides_ids_and_keys() {
        assert_eq!(
            redacted("Limit in organization org-abcDEF123456 on tokens"),
            "Limit in organization org-************ on tokens"
        );
        assert_eq!(
            redacted(r#""key sk-proj-****************WXYZ, proj_abcdefgh""#),
            r#""key sk-*************************, proj_********""#
        );
        assert_eq!(redacted("org-é"), "org-é");
    }

    #[test]
    fn regression_an_id_after_a_json_escape_is_hidden() {
        for escape in [r"\n", r"\t", r#"\""#, r"\\", r"\u00e9"] {
            assert_eq!(
                redacted(&format!("limit of{escape}org-abcDEF123456")),
                format!("limit of{escape}org-************")
            );
        }
        assert_eq!(redacted(r"\u"), r"\u");
    }

    #[test]
    fn hides_the_uuid_of_an_organisation() {
        let id = "7f54fbff-3504-477a-B4A2-08359988239d";
        let stars = "*".repeat(36);
        for text in [
            "the rate limit for your organization (ID) of 40,000 input tokens",
            "30,000 input tokens per minute (org: ID, model: claude)",
            r#"{"message":"limit","organization":"ID"}"#,
            r#"{\"Organization\": \"ID\"}"#,
        ] {
            let (before, wanted) = (text.replace("ID", id), text.replace("ID", &stars));
            assert_eq!(redacted(&before), wanted);
        }
        for text in [
            format!("request {id} failed"),
            format!("organization of request {id}"),
            format!("org: {}", &id[..35]),
            format!("org: {}", id.replace('f', "g")),
            "your organization".to_owned(),
        ] {
            assert_eq!(redacted(&text), text);
        }
    }

    #[test]
    fn regression_googles_projects_are_hidden() {
        for (text, wanted) in [
            (
                "Publisher Model `projects/740989871600/locations/us-central1/models/x` was not found",
                "Publisher Model `projects/************/locations/us-central1/models/x` was not found",
            ),
            (
                r#""name":"projects\/my-own-1\/locations""#,
                r#""name":"projects\/********\/locations""#,
            ),
            (
                "of service 'x' for consumer 'project_number:740989871600'.",
                "of service 'x' for consumer 'project_number:************'.",
            ),
            (
                "https://console.example/apis?project=my-own-1&x=y",
                "https://console.example/apis?project=********&x=y",
            ),
            (
                "API not used in project 740989871600 before",
                "API not used in project ************ before",
            ),
            (
                r#"{"project_id": "my-own-1"}"#,
                r#"{"project_id": "********"}"#,
            ),
            ("projects/a", "projects/*"),
            ("Projects/a:b", "Projects/*:b"),
        ] {
            assert_eq!(redacted(text), wanted);
        }
    }

    #[test]
    fn regression_what_amazon_tells_of_an_account_is_hidden() {
        for (text, wanted) in [
            (
                "User: arn:aws:sts::1234:assumed-role/gw may not invoke",
                "User: arn:**************************/** may not invoke",
            ),
            (
                r#"{"message":"arn:aws-us-gov:x:1/a\/b\nis \"arn:aws:y\""}"#,
                r#"{"message":"arn:**************/*\/*\nis \"arn:*****\""}"#,
            ),
            ("in account 123456789012.", "in account ************."),
            (
                r#"AccountId: "123456789012""#,
                r#"AccountId: "************""#,
            ),
            (
                "key AKIAIOSFODNN7EXAMPLE is off",
                "key AKIA**************** is off",
            ),
            ("key ABSKQmVkcm9ja0FQ is old", "key ABSK************ is old"),
        ] {
            assert_eq!(redacted(text), wanted);
        }
    }

    #[test]
    fn leaves_words_alone() {
        for text in [
            "your project has 5 of 12 projects",
            "project: 12 of them",
            "projects/",
            "project=",
            "your projects (see below)",
            "on account of 123456789012345 things",
            "account: 12 of 123456789012",
            "ASIA AND AFRICA, ASIAPACIFIC",
            "barn: arn:xyz",
            "scikit sk-learn",
            "task-management-system",
            "user-provided-content",
            "",
            "org-",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}
