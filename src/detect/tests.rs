/*! What is found, and what is not. Numbers are the issuers' own examples, or made up with
right check digits. */

use super::{Entities, Entity, Group, IDENTITIES, find, is_clear};

/// The entities found, each with its text.
fn found(text: &str) -> Vec<(Entity, &str)> {
    let findings = find(text, Entities::all());
    findings
        .iter()
        .map(|one| (one.entity, &text[one.start..one.end]))
        .collect()
}

#[track_caller]
fn finds(text: &str, entity: Entity, value: &str) {
    assert_eq!(found(text), [(entity, value)], "{text:?}");
}

#[track_caller]
fn finds_nothing(text: &str) {
    assert_eq!(found(text), [], "{text:?}");
}

/// Texts of so many of these parts each, drawn by a seed: always the same.
fn joined<'p>(parts: &'p [&str], count: usize, seed: usize) -> impl Iterator<Item = String> + 'p {
    let mut state = seed;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695);
        parts[(state >> 33) % parts.len()]
    };
    std::iter::repeat_with(move || (0..count).map(|_| next()).collect())
}

#[test]
fn every_identity_is_found_in_its_example() {
    for row in IDENTITIES {
        let wanted = [row.entity].into_iter().collect();
        let findings = find(row.example, wanted);
        assert_eq!(findings.len(), 1, "{} in {:?}", row.entity, row.example);
        assert_eq!(findings[0].end, row.example.len(), "{}", row.entity);
    }
}

/// The last digit or letter of a number that has check digits changes what it is.
#[test]
fn wrong_check_digits_are_not_found() {
    for row in IDENTITIES.iter().filter(|row| row.checked) {
        let wanted = [row.entity].into_iter().collect();
        let (front, last) = row.example.split_at(row.example.len() - 1);
        let others = if last.as_bytes()[0].is_ascii_digit() {
            "0123456789"
        } else {
            "ABCDEFGHJKLMNPQRSTVWXYZ"
        };
        let right = others
            .chars()
            .filter(|other| !find(&format!("{front}{other}"), wanted).is_empty());
        let right = right.count();
        // The last digits of an Australian Medicare card are a counter, of MBIs free.
        let free = matches!(row.entity, Entity::AuMedicare);
        assert!(
            free || right <= 2,
            "{}: {right} of {}",
            row.entity,
            others.len()
        );
    }
}

#[test]
fn addresses() {
    for (text, value) in [
        (
            "Mail ada.l+x@mail.example.co.uk.",
            "ada.l+x@mail.example.co.uk",
        ),
        ("mailto:ada@example.org?subject=x", "ada@example.org"),
        ("<ada@xn--d1acufc.xn--p1ai>", "ada@xn--d1acufc.xn--p1ai"),
        ("(müller@straße.de)", "müller@straße.de"),
        ("한ada@example.org로", "ada@example.org"),
    ] {
        finds(text, Entity::EmailAddress, value);
    }
    for text in [
        "a@b",
        "@ada at example.org",
        "x @ y.org",
        "user@host.1",
        "a@.org",
        "a@b..org",
    ] {
        assert!(
            !found(text)
                .iter()
                .any(|(entity, _)| *entity == Entity::EmailAddress),
            "{text:?}"
        );
    }
    finds(
        "See https://a.example.org/x?y=(z).",
        Entity::Url,
        "https://a.example.org/x?y=(z)",
    );
    finds("See (www.example.de)!", Entity::Url, "www.example.de");
    finds_nothing("See main.rs, e.g. Node.js: it has https:// in it");
    finds(
        "url postgres://u:p4ss@db.example.org:5432/x,",
        Entity::ConnectionString,
        "postgres://u:p4ss@db.example.org:5432/x",
    );
    finds_nothing("postgres://u:$PASSWORD@db/x redis://cache:6379");
}

#[test]
fn network_addresses() {
    for (text, value) in [
        ("from 10.0.0.1.", "10.0.0.1"),
        ("net 10.0.0.0/8,", "10.0.0.0/8"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0/64 x", "fe80::1%eth0/64"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
    ] {
        finds(text, Entity::IpAddress, value);
    }
    finds_nothing("version 1.2.3.4, 300.1.1.1, 1.2.3, std::fs, a::b, 12:30:45, x10.0.0.1");
    finds(
        "at 00:1a:2B:3c:4d:5e.",
        Entity::MacAddress,
        "00:1a:2B:3c:4d:5e",
    );
    finds("at aabb.ccdd.eeff", Entity::MacAddress, "aabb.ccdd.eeff");
    finds_nothing("FF:FF:FF:FF:FF:FF 00-00-00-00-00-00 00:1a:2B:3c:4d 00:1a:2B:3c:4d:5e:6f");
}

#[test]
fn numbers_to_call() {
    for (text, value) in [
        ("+44 (0)20 7946 0958 rings", "+44 (0)20 7946 0958"),
        ("+14155550123, now", "+14155550123"),
        ("(+41) 22 730 59 89", "(+41) 22 730 59 89"),
        ("(555) 010-9988 x 12", "(555) 010-9988 x 12"),
        ("555.010.9988", "555.010.9988"),
        ("06-10446904", "06-10446904"),
        ("Phone: 2 345 678 today", "2 345 678"),
        ("전화번호 010-1234-5678입니다", "010-1234-5678"),
        ("tel 70 12 34 56", "70 12 34 56"),
        ("call me: ０１２３ ４５６ ７８９", "０１２３ ４５６ ７８９"),
    ] {
        finds(text, Entity::PhoneNumber, value);
    }
    for text in [
        "call me on 2024-11-22 or 22.11.2024",
        "in 2019-2021 and 1234567",
        "call it 3.1415926 or 1,234,567.89",
        "phone costs $1234567 or 1234567%",
        "order 555 12 34, phone's id: 1234567",
        "string [0 1 2 3 4 5]",
        "123-45-678-9, 1-2-3",
    ] {
        finds_nothing(text);
    }
}

#[test]
fn cards_and_accounts() {
    for (text, value) in [
        ("4111 1111 1111 1111.", "4111 1111 1111 1111"),
        ("3782-822463-10005", "3782-822463-10005"),
        ("5555555555554444!", "5555555555554444"),
        (
            "４111\u{200b}1111 1111\u{a0}1111",
            "４111\u{200b}1111 1111\u{a0}1111",
        ),
    ] {
        finds(text, Entity::CreditCard, value);
    }
    finds_nothing("4111 1111 1111 1112 0000 0000 0000 0000 1111111111111111");
    finds(
        "to DE89 3704 0044 0532 0130 00 by",
        Entity::IbanCode,
        "DE89 3704 0044 0532 0130 00",
    );
    finds(
        "IBAN:gb29nwbk60161331926819",
        Entity::IbanCode,
        "gb29nwbk60161331926819",
    );
    finds_nothing("DE88 3704 0044 0532 0130 00");
    finds("SWIFT DEUTDEFF500.", Entity::SwiftBic, "DEUTDEFF500");
    finds_nothing("The ABSOLUTE BASELINE");
    finds(
        "account number 000123456789",
        Entity::UsBankNumber,
        "000123456789",
    );
    finds("MRN: AB-123456,", Entity::MedicalRecordNumber, "AB-123456");
    finds(
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
        Entity::Crypto,
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    );
    finds_nothing("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3");
}

#[test]
fn dates_of_birth() {
    for (text, value) in [
        ("born on June 15, 1991 in", "June 15, 1991"),
        ("born 3rd of May 1980.", "3rd of May 1980"),
        ("DOB: 1970-01-02", "1970-01-02"),
        ("geboren 24.12.85", "24.12.85"),
        ("her d.o.b. is 4 June 1976", "4 June 1976"),
    ] {
        finds(text, Entity::DateOfBirth, value);
    }
    finds_nothing("released on June 15, 1991; born in 1990; dob 31.31.1990");
}

#[test]
fn the_surer_one_stands() {
    finds("phone 123-45-6789", Entity::PhoneNumber, "123-45-6789");
    finds("ssn 123-45-6789", Entity::UsSsn, "123-45-6789");
    finds(
        "https://x.example.org/?m=a@example.org",
        Entity::Url,
        "https://x.example.org/?m=a@example.org",
    );
    assert_eq!(found("a@example.org,10.0.0.1;4111111111111111").len(), 3);
}

#[test]
fn secrets() {
    for (text, entity, value) in [
        (
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a.",
            Entity::ApiKey,
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        ),
        (
            "key AKIAZ5GM6QKOLT4PXWBN,",
            Entity::ApiKey,
            "AKIAZ5GM6QKOLT4PXWBN",
        ),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl x",
            Entity::Jwt,
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        ),
        ("DB_PASSWORD=x7Kp!q2Z\n", Entity::SecretValue, "x7Kp!q2Z"),
        (
            "\"client_secret\": \"9f8a7c6b5d4e3f2a1b0c\"",
            Entity::SecretValue,
            "9f8a7c6b5d4e3f2a1b0c",
        ),
        (
            "my password is Tr0ub4dor&3",
            Entity::SecretValue,
            "Tr0ub4dor&3",
        ),
        (
            "Authorization: Bearer 9f8a7c6b5d4e3f2a1b0c",
            Entity::SecretValue,
            "9f8a7c6b5d4e3f2a1b0c",
        ),
        (
            "curl -u bob:pRf7vG2h1L8n",
            Entity::SecretValue,
            "pRf7vG2h1L8n",
        ),
    ] {
        finds(text, entity, value);
    }
    for text in [
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "password = getPassword(user1)",
        "password: ${DB_PASSWORD_1}",
        "api_key = \"YOUR_API_KEY_123\"",
        "max_tokens: 4096, tokenizer = o200k_base",
        "the secret: it was 1990",
        "secret_length = X25519.secret_length",
        "primary_key = user_account_id1234567",
    ] {
        finds_nothing(text);
    }
}

#[test]
fn only_what_is_wanted_is_found() {
    let text = "ada@example.org 4111 1111 1111 1111 password=x7Kp!q2Z";
    let secrets = find(text, Entities::of(Group::Secret));
    assert_eq!(secrets.len(), 1);
    assert_eq!(secrets[0].entity, Entity::SecretValue);
    assert!(find(text, Entities::default()).is_empty());
}

#[test]
fn words_count_to_the_left_only_and_not_from_afar() {
    finds_nothing("1234567 is my phone");
    finds("phone 1234567", Entity::PhoneNumber, "1234567");
    finds_nothing(&format!("phone {} 1234567", "x ".repeat(40)));
}

/// What is passed over in blocks is what regions would have been without findings: in pieces
/// shorter than a block, all text goes through regions.
#[test]
fn what_is_passed_over_in_blocks_has_no_findings() {
    let parts = [
        "the ",
        "well-known ",
        "don't ",
        "x1 ",
        "2024 ",
        "May ",
        "of ",
        "born ",
        "5 ",
        "(see) ",
        "AB ",
        "12 34 56 C ",
        "DE89 ",
        "3704 0044 0532 0130 00 ",
        "is 'x1y2z3a4' ",
        "std::fs ",
        "self.x(y) ",
        "foo.com ",
        "https://a.org/b ",
        "a@b.org, ",
        "SWIFT DEUTDEFF ",
        "CONSTANTS ",
        "aa:bb:cc:dd:ee:ff ",
        "aabb.ccdd.eeff ",
        "-----BEGIN RSA PRIVATE KEY-----\nab\n",
        "한글 ",
        "–",
        "\u{200b}",
        "ipv6 a::b ",
        "password = \"x7Kp!q2Z\" ",
        "--api-key x7Kpaq2Zbb ",
        "\n",
        "ghp_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGhIj ",
        "item_1=abc, ",
        "[0] ",
        "3.5 ",
        "call 2 345 678 ",
    ];
    for text in joined(&parts, 12, 7).take(3000) {
        let mut scanner = super::Scanner::new(Entities::all());
        let mut pieces = Vec::new();
        for c in text.chars() {
            scanner.push(c.encode_utf8(&mut [0; 4]), &mut pieces);
        }
        scanner.finish(&mut pieces);
        pieces.dedup_by(|next, before| {
            let goes_on = next.part == super::Part::Next;
            if goes_on {
                before.end = next.end;
            }
            goes_on
        });
        assert_eq!(find(&text, Entities::all()), pieces, "{text:?}");
        let clear = is_clear(&text, 0, Entities::all());
        assert!(!clear || pieces.is_empty(), "{text:?}");
    }
}

#[test]
fn options_and_passwords_by_their_short_names() {
    finds(
        "login --api-key x7Kpaq2Zbb now",
        Entity::SecretValue,
        "x7Kpaq2Zbb",
    );
    finds("db_pass = \"x7Kp!q2Z\"", Entity::SecretValue, "x7Kp!q2Z");
    finds_nothing("bypass = \"x7Kp!q2Z\", compass: n0rthw3st, the pass x7Kpaq2Zbb");
}

#[test]
fn no_example_looks_clear_wherever_it_stands() {
    let known = IDENTITIES.iter().map(|row| row.example);
    let others = [
        "key: sk-proj-Ab3dEf6hIj9kLm2nOp5qRs8t",
        "AKIAIOSFODNN7EXAMPLQ",
        "ada@example.org",
        "+1 415 555 0132",
        "4111 1111 1111 1111",
        "DE89 3704 0044 0532 0130 00",
        "SWIFT: DEUTDEFF",
        "https://ada:hunter2x@example.org/",
        "www.example.org",
        "2001:db8::ff00:42:8329",
        "00:1a:2b:3c:4d:5e",
        "born on 4 July 1980",
        "password is \"x7Kp!q2Z\"",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA",
        "ghp_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGhIj",
    ];
    for example in known.chain(others) {
        let wanted: Entities = find(example, Entities::all())
            .iter()
            .map(|finding| finding.entity)
            .collect();
        assert!(!wanted.is_empty(), "{example}");
        for front in 0..130 {
            for back in ["", " and so on, ", "\n"] {
                let text = format!(
                    "{}{example}{back}",
                    "so it is ".repeat(15).split_at(front).0
                );
                let found = find(&text, wanted);
                assert!(found.is_empty() || !is_clear(&text, 0, wanted), "{text:?}");
            }
        }
        assert!(!is_clear(example, 0, wanted), "{example}");
    }
}

#[test]
fn regression_what_was_found_in_short_texts_alone_does_not_look_clear() {
    let texts = [
        "ipv6 fe::a.x",
        "My IPv6 is dead:beef::cafe.It",
        "loopback ::.So",
        "www.-a.b",
        "curl -u\u{c}: Hunter22",
        "curl -u\u{c}:\"ab c1Q\"",
    ];
    for text in texts {
        let all = Entities::all();
        let found = find(text, all);
        assert!(
            found.is_empty() || !is_clear(text, 0, all),
            "{text:?} {found:?}"
        );
    }
}

#[test]
fn nothing_is_found_in_what_looks_clear() {
    let parts = [
        "a", "f", "cafe", ":", "::", ".", "-", "0", "7", "@", "\"", "'", "=", " ", "\n", "\u{c}",
        "é", "\u{a0}", "ipv6 ", "www", "com", "-u", "token", "is ", "//",
    ];
    for text in joined(&parts, 10, 11).take(200_000) {
        if is_clear(&text, 0, Entities::all()) {
            finds_nothing(&text);
        }
    }
}
