use super::*;
use proptest::prelude::*;

fn secrets(keys: &[&str]) -> Secrets {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    Secrets::new(&keys)
}

fn response(id: &str) -> Thing {
    Thing {
        kind: Kind::Response,
        id: id.to_owned(),
        backend: Mark::of("openai"),
        tokens: 70_000,
    }
}

#[test]
fn an_id_opens_for_its_tenant_alone() {
    let secrets = secrets(&["a secret of 20 bytes"]);
    let thing = response("resp_68af0123456789abcdef");
    let told = secrets.wrap("acme", &thing).unwrap();
    assert!(told.starts_with("resp_"), "{told}");
    assert!(!told.contains("68af"), "{told}");
    assert_eq!(secrets.wrap("acme", &thing), Some(told.clone()));
    assert_eq!(secrets.open("acme", Kind::Response, &told), Some(thing));
    for tenant in ["blue", "", "acm", "acme\0", "ACME"] {
        assert_eq!(
            secrets.open(tenant, Kind::Response, &told),
            None,
            "{tenant}"
        );
    }
    let as_file = told.replacen("resp_", "file-", 1);
    assert_eq!(secrets.open("acme", Kind::Response, &as_file), None);
}

#[test]
fn bare_ids_and_others_open_nothing() {
    let secrets = secrets(&["a secret of 20 bytes"]);
    let long = format!("resp_{}", "A".repeat(Secrets::LONGEST));
    for id in [
        "",
        "resp_",
        "resp_68af0123456789abcdef",
        "resp_AAAA",
        "file-AAAA",
        "resp_\u{e9}",
        "AAAA",
        &long,
    ] {
        assert_eq!(secrets.open("acme", Kind::Response, id), None, "{id}");
    }
}

#[test]
fn every_change_and_every_cut_breaks_an_id() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let secrets = secrets(&["a secret of 20 bytes"]);
    // All three lengths modulo three, so that base64 ends in all of its ways.
    for id in ["resp_1", "resp_12", "resp_123"] {
        let told = secrets.wrap("acme", &response(id)).unwrap();
        for at in 0..told.len() {
            assert_eq!(secrets.open("acme", Kind::Response, &told[..at]), None);
            for byte in ALPHABET.iter().filter(|byte| **byte != told.as_bytes()[at]) {
                let mut changed = told.clone().into_bytes();
                changed[at] = *byte;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(secrets.open("acme", Kind::Response, &changed), None);
            }
        }
        for more in ["A", "=", "==", " ", "%41", "/cancel"] {
            let longer = format!("{told}{more}");
            assert_eq!(
                secrets.open("acme", Kind::Response, &longer),
                None,
                "{more}"
            );
        }
    }
}

#[test]
fn secrets_rotate() {
    let old = secrets(&["the old secret, long"]);
    let both = secrets(&["the new secret, long", "the old secret, long"]);
    let new = secrets(&["the new secret, long"]);
    let thing = response("resp_1");
    let of_old = old.wrap("acme", &thing).unwrap();
    let of_both = both.wrap("acme", &thing).unwrap();
    assert_eq!(new.wrap("acme", &thing), Some(of_both.clone()));
    let open = |secrets: &Secrets, id: &str| secrets.open("acme", Kind::Response, id).is_some();
    assert!(open(&both, &of_old) && open(&both, &of_both));
    assert!(!open(&new, &of_old) && !open(&old, &of_both));
    assert!(secrets(&[]).wrap("acme", &thing).is_none());
}

#[test]
fn what_no_path_could_hold_is_not_wrapped() {
    let secrets = secrets(&["a secret of 20 bytes"]);
    let long = "r".repeat(68);
    for id in [
        "", ".", "..", "a/b", "a?b", "a%2fb", "a b", "a\"b", "é", &long,
    ] {
        assert_eq!(secrets.wrap("acme", &response(id)), None, "{id}");
    }
    for most in ["r".repeat(67), format!("resp_{}", "af".repeat(67))] {
        let told = secrets.wrap("acme", &response(&most)).unwrap();
        assert_eq!(told.len(), Secrets::LONGEST, "{most}");
        let opened = secrets.open("acme", Kind::Response, &told);
        assert_eq!(opened, Some(response(&most)));
    }
    // As OpenAI has them.
    let usual = response(&format!("resp_{}", "0a".repeat(25)));
    assert!(secrets.wrap("acme", &usual).unwrap().len() < 80);
}

#[test]
fn what_else_was_said_comes_back_and_kinds_are_not_mixed_up() {
    let secrets = secrets(&["a secret of 20 bytes"]);
    let file = |id: &str| Thing {
        kind: Kind::File,
        ..response(id)
    };
    let all: Vec<u8> = (0..=40).collect();
    for id in ["file-6F2ksmvXxt4VdoqmHRw6kL", "file-0a0b", "0", "file-00"] {
        for length in [0, 1, 2, 25, 40] {
            let more = &all[..length];
            let told = secrets.wrap_with("acme", &file(id), more).unwrap();
            assert!(told.starts_with("file-"), "{told}");
            let opened = secrets.open_with("acme", Kind::File, &told);
            assert_eq!(opened, Some((file(id), more.to_vec())));
            assert_eq!(secrets.open("acme", Kind::File, &told), Some(file(id)));
            assert_eq!(secrets.open_with("blue", Kind::File, &told), None);
            for (kind, prefix) in [(Kind::Response, "resp_"), (Kind::Batch, "batch_")] {
                let other = told.replacen("file-", prefix, 1);
                assert_eq!(secrets.open("acme", kind, &other), None);
            }
        }
    }
    // It counts into the length.
    assert_eq!(secrets.wrap_with("acme", &file("0"), &[7; 80]), None);
    assert_eq!(secrets.wrap_with("acme", &file("0"), &[7; 300]), None);
}

#[test]
fn secrets_are_not_shown() {
    assert_eq!(format!("{:?}", secrets(&["hidden"])), "Secrets(…)");
}

proptest! {
    #[test]
    fn whatever_is_wrapped_opens_as_it_was(
        id in "(resp_|)([A-Za-z0-9_-]{1,60}|[0-9a-f]{1,60}|[0-9A-F]{2,6})",
        backend in "[a-z0-9.:@+_-]{1,128}",
        tenant in "[a-z]{1,20}",
        tokens in any::<u32>(),
    ) {
        let secrets = secrets(&["a secret of 20 bytes"]);
        let backend = Mark::of(&backend);
        let thing = Thing { kind: Kind::Response, id, backend, tokens: u64::from(tokens) };
        let told = secrets.wrap(&tenant, &thing).unwrap();
        prop_assert!(told.len() <= Secrets::LONGEST);
        prop_assert!(told.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)));
        prop_assert_eq!(secrets.open(&tenant, Kind::Response, &told), Some(thing));
    }

    #[test]
    fn no_text_opens_by_chance(text in "\\PC{0,300}") {
        let secrets = secrets(&["a secret of 20 bytes"]);
        prop_assert_eq!(secrets.open("acme", Kind::Response, &text), None);
        prop_assert_eq!(secrets.open("acme", Kind::Response, &format!("resp_{text}")), None);
    }
}
