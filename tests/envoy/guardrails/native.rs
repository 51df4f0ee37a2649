/*! What the core does natively, the module does too: text is looked at in blocks of bytes, and there by
other instructions. */

use super::{CARD, MAIL, PHONE, SECRET, policy, stand};
use serde_json::{Value, json};
use tollgate::mask::{self, Form, Placeholders, Verdict};
use tollgate::protocols::{Api, Request};
use tollgate::tokens::Prompt;
use tollgate_tests::{Ask, run};

/// What is found, and what is read by blocks: signs, escapes, letters of two to four bytes.
const PIECES: [&str; 24] = [
    MAIL,
    CARD,
    PHONE,
    SECRET,
    "project nightfall",
    "Ｐｒｏｊｅｃｔ\u{200b}nightfall",
    "postgres://app:hunter2hunter2@db.example.com/app",
    "192.168.7.12",
    "DE89 3704 0044 0532 0130 00",
    "{\"mail\":\"jo\\u0040example.org\",\"n\":[1,2]}",
    "the quick brown fox jumps over the lazy dog ",
    "fn main() { let x = 12 + 3; }\n\t",
    "späť über ñandú ",
    "注文は 金曜日 までに届きます。",
    "Привет, как дела? ",
    "🙂🚀",
    "----____....",
    "\\\\\\n\\t\"quoted\"",
    "0123456789",
    "@:/=+",
    "                                        ",
    "https://example.org/a?b=c#d",
    "password = \"Xk29fQz81\" ",
    "\u{1}\u{7f}\u{80}\u{7ff}\u{ffff}",
];

/// Numbers by a seed (splitmix64).
struct Source(u64);

impl Source {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % bound
    }
}

/// Each piece at each place of a block, and any mixture.
fn texts() -> Vec<String> {
    let mut texts = Vec::new();
    for piece in PIECES {
        for front in 0..=68 {
            let filler = if front % 2 == 0 { "x" } else { "é" };
            texts.push(format!("{} {piece} and so on", filler.repeat(front)));
        }
    }
    let mut source = Source(7);
    for _ in 0..600 {
        let pieces = (0..source.below(12)).map(|_| PIECES[source.below(PIECES.len())]);
        texts.push(pieces.collect());
    }
    texts
}

/// `body` with all that is not ASCII as escapes.
fn escaped(body: &str) -> String {
    let mut out = String::new();
    for c in body.chars() {
        match c {
            ' '..='~' => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out
}

fn guarded() -> Value {
    let mut policy = policy(&json!([
        {"name": "pii", "phase": "input", "detect": "personal_data", "action": "mask"},
        {"name": "keys", "phase": "input", "detect": "secrets", "action": "mask"},
        {"name": "words", "phase": "input", "detect": {"phrases": ["project nightfall"]}, "action": "mask"},
        {"name": "staff", "phase": "input", "detect": {"patterns": [{"name": "FOX", "regex": "qu[a-z]ck br.wn"}]}, "action": "mask"},
        {"name": "rude", "phase": "input", "detect": "toxicity", "action": "mask"},
    ]));
    policy["tenants"]["acme"]["limits"] = json!([{"tokens": 100_000_000, "per": "day"}]);
    policy
}

#[test]
fn the_module_masks_what_is_masked_natively() {
    run(async {
        let policy = guarded();
        let stand = stand(&policy).await;
        let native = tollgate::config::from_plugin_bytes(policy.to_string().as_bytes());
        let native = native.map_err(|problems| problems.to_string()).unwrap();
        let guards = native.tenants["acme"].guards.input.as_ref();
        let masked = |text: &str| {
            let mut verdict = Verdict::default();
            let new = mask::whole(text, guards, Form::Text, Placeholders::Off, &mut verdict);
            new.unwrap_or_else(|| text.to_owned())
        };
        let mut changed = 0;
        for (index, texts) in texts().chunks(60).enumerate() {
            let message = |text: &String| json!({"role": "user", "content": text});
            let messages: Vec<Value> = texts.iter().map(message).collect();
            let body = json!({"model": "smart", "messages": messages}).to_string();
            let body = if index % 2 == 0 { body } else { escaped(&body) };
            let (_, received) = stand.pass(&Ask::chat_bytes(body)).await;
            let got: Value = serde_json::from_slice(&received.body).unwrap();
            for (place, text) in texts.iter().enumerate() {
                let wanted = masked(text);
                assert_eq!(got["messages"][place]["content"], wanted, "{text:?}");
                changed += usize::from(wanted != *text);
            }
        }
        assert!(changed > 700, "{changed}");
    });
}

#[test]
fn the_module_counts_tokens_as_they_are_counted_natively() {
    run(async {
        let stand = stand(&guarded()).await;
        for (index, texts) in texts().chunks(45).enumerate() {
            let message = |text: &String| json!({"role": "user", "content": text});
            let messages: Vec<Value> = texts.iter().map(message).collect();
            let body = json!({"model": "smart", "messages": messages}).to_string();
            let body = if index % 2 == 0 { body } else { escaped(&body) };
            let ask = Ask::chat_bytes(body).mock(&json!({"no_usage": true}));
            let (_, received) = stand.pass(&ask).await;
            // What goes on is what is counted: the model's name aside, nothing else has changed.
            let read = Request::read(Api::ChatCompletions, &received.body, Prompt::counted(1));
            let tokens = read.unwrap().traits().prompt_tokens();
            let record = stand.record(&ask).await;
            assert_eq!(record["usage"], "estimated");
            assert_eq!(record["input_tokens"], tokens, "{texts:?}");
        }
    });
}
