//! Answers that are read aloud.

use super::*;
use base64::prelude::{BASE64_STANDARD, Engine};

const SPOKEN: &str = r#"{"model":"smart","modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"},"max_tokens":50,"messages":[{"role":"user","content":"PROMPT text"}]}"#;

/// A character costs 1000 nano-USD.
fn speaking(more: Value, change: impl FnOnce(&mut Value)) -> Bench {
    let price = json!({"input": 0, "output": 0, "characters": 1});
    let mut speak = json!({"cluster": "speech", "model": "tts", "price": price});
    for (name, value) in more.as_object().unwrap() {
        speak[name] = value.clone();
    }
    bench_of(json!({"speak": speak}), |policy| {
        policy["models"]["smart"]["targets"][0]["gives"] = json!("text");
        change(policy);
    })
}

#[test]
fn regression_what_targets_without_words_for_sound_say_is_read_aloud() {
    let bench = speaking(json!({}), |policy| {
        let target = &mut policy["models"]["smart"]["targets"][0];
        target.as_object_mut().unwrap().remove("gives");
        policy["backends"]["far"] = json!({"cluster": "c", "api": "gemini"});
    });
    let mut run = bench.reading();
    let on = run.body(SPOKEN);
    let OnBody::Forward(outgoing) = on else {
        panic!("{on:?}")
    };
    let body = outgoing.rewrite.unwrap().whole(SPOKEN.as_bytes());
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("PROMPT text") && !body.contains("alloy"));
    run.answer("200", JSON);
    let answer = json!({"candidates": [{"content": {"parts": [{"text": "ANSWER"}]}, "finishReason": "STOP"}]});
    let callout = asks_for(run.data(&answer.to_string(), true));
    assert_eq!(callout.cluster, "speech");
    let answer = shown(run.hears_sound(&callout, 200, b"sound"));
    let audio = &answer["choices"][0]["message"]["audio"];
    assert_eq!(audio["transcript"], "ANSWER");
    run.done();
}

fn sent(bench: &Bench) -> Run<'_> {
    let mut run = bench.reading();
    let OnBody::Forward(outgoing) = run.body(SPOKEN) else {
        panic!("not sent")
    };
    let body = outgoing.rewrite.unwrap().whole(SPOKEN.as_bytes());
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        body,
        json!({"model": "gpt", "max_tokens": 50, "messages": [{"role": "user", "content": "PROMPT text"}]})
    );
    assert!(matches!(run.answer("200", JSON), OnAnswer::Hold(_)));
    run
}

fn asks_for(on: OnData) -> Callout {
    let OnData::Ask(callouts) = on else {
        panic!("{on:?}")
    };
    let [callout] = <[Callout; 1]>::try_from(callouts).unwrap();
    callout
}

fn shown(on: OnAnswered) -> Value {
    let OnAnswered::Answer(OnData::Replace(body) | OnData::Release(_, body)) = on else {
        panic!("{on:?}")
    };
    serde_json::from_slice(&body).unwrap()
}

impl Run<'_> {
    fn hears_sound(&mut self, callout: &Callout, status: u16, sound: &[u8]) -> OnAnswered {
        let answer = Answer {
            status,
            body: sound.to_vec(),
        };
        self.call
            .service_answered(&self.bench.host, callout.token, Some(&answer))
    }
}

#[test]
fn an_answer_is_read_aloud() {
    let bench = speaking(json!({}), |_| {});
    let mut run = sent(&bench);
    // 50 tokens, which are 400 characters at most.
    let reserved = counted(&bench)[0].1;
    assert!((500_000..520_000).contains(&reserved), "{reserved}");
    assert_eq!(run.data(&ANSWER[..20], false), OnData::Hold);
    let callout = asks_for(run.data(ANSWER, true));
    assert_eq!(
        (callout.cluster.as_str(), callout.path.as_str()),
        ("speech", "/v1/audio/speech")
    );
    let asked: Value = serde_json::from_slice(&callout.body).unwrap();
    assert_eq!(
        asked,
        json!({"model": "tts", "input": "ANSWER", "voice": "alloy", "response_format": "wav"})
    );
    let answer = shown(run.hears_sound(&callout, 200, b"RIFF\0sound"));
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], Value::Null);
    let audio = &message["audio"];
    assert_eq!(audio["data"], BASE64_STANDARD.encode(b"RIFF\0sound"));
    assert_eq!(audio["transcript"], "ANSWER");
    assert!(audio["id"].as_str().unwrap().starts_with("audio_"));
    assert!(audio["expires_at"].as_u64() >= Some(3_600));
    assert_eq!(answer["usage"]["total_tokens"], Value::Null);
    let record = run.done();
    says(
        &record,
        json!({"outcome": "ok", "status": 200, "usage": "estimated"}),
    );
    assert_eq!(record["characters"], 6);
    let step = &record["steps"][0];
    assert_eq!(
        (&step["step"], &step["outcome"], &step["cost_nano_usd"]),
        (&json!("speak"), &json!("ok"), &json!(6_000))
    );
    assert_eq!(record["cost_nano_usd"], 17_000 + 6_000);
    assert_eq!(counted(&bench)[0], (23_000, 0));
    assert_eq!(counted(&bench)[2], (1, 0));
}

#[test]
fn who_asks_for_no_sound_gets_none() {
    let bench = speaking(json!({}), |_| {});
    let mut run = bench.sent(BODY);
    run.answer("200", JSON);
    assert!(!matches!(run.data(ANSWER, true), OnData::Ask(_)));
    assert_eq!(run.done().get("steps"), None);
}

#[test]
fn calls_that_can_not_be_read_aloud_are_refused() {
    let bench = speaking(json!({}), |_| {});
    for (old, new, code) in [
        (
            r#""max_tokens":50"#,
            r#""stream":true"#,
            "unsupported_modality",
        ),
        (r#""max_tokens":50"#, r#""n":2"#, "unsupported_modality"),
        (r#""voice":"alloy","#, "", "invalid_value"),
        (r#""wav""#, r#""midi""#, "invalid_value"),
    ] {
        let body = SPOKEN.replace(old, new);
        let mut run = bench.reading();
        let told = refused_body(&run.body(&body));
        assert_eq!((told.0, told.1.as_str()), (400, code), "{body}");
        run.done();
    }
    used(&bench, [0, 0, 0]);
}

#[test]
fn what_fails_ends_the_call_or_leaves_the_text() {
    let other = json!({"cluster": "other", "model": "tts-2", "price": {"input": 0, "output": 0, "characters": 2}});
    for (more, status, second, wanted) in [
        (json!({}), 500, None, None),
        (json!({}), 200, None, None),
        (json!({"on_error": "skip"}), 500, None, Some("text")),
        (
            json!({"on_error": "skip", "max_characters": 5}),
            0,
            None,
            Some("text"),
        ),
        (json!({"max_characters": 5}), 0, None, None),
        (
            json!({"on_error": "fallback", "fallback": other}),
            429,
            Some(200),
            Some("sound"),
        ),
        (
            json!({"on_error": "fallback", "fallback": other}),
            429,
            Some(500),
            None,
        ),
    ] {
        let bench = speaking(more.clone(), |_| {});
        let mut run = sent(&bench);
        let on = run.data(ANSWER, true);
        let on = match on {
            OnData::Ask(callouts) => {
                // A status of success without a sound is none.
                let mut on = run.hears_sound(&callouts[0], status, b"");
                if let Some(status) = second {
                    let OnAnswered::Answer(OnData::Ask(again)) = on else {
                        panic!("{on:?}")
                    };
                    assert_eq!(again[0].cluster, "other");
                    on = run.hears_sound(&again[0], status, b"sound");
                }
                let OnAnswered::Answer(on) = on else {
                    panic!("{on:?}")
                };
                on
            }
            on => on,
        };
        match wanted {
            None => {
                let OnData::Reply(reply) = on else {
                    panic!("{on:?}")
                };
                assert_eq!(
                    status_and_code(&reply),
                    (502, "workflow_step_failed".to_owned())
                );
            }
            Some(kind) => {
                let body = match on {
                    OnData::Replace(body) => body,
                    OnData::Pass => ANSWER.as_bytes().to_vec(),
                    on => panic!("{on:?}"),
                };
                let answer: Value = serde_json::from_slice(&body).unwrap();
                let message = &answer["choices"][0]["message"];
                assert_eq!(message["audio"].is_object(), kind == "sound", "{more}");
                assert_eq!(message["content"].is_string(), kind == "text", "{more}");
            }
        }
        let record = run.done();
        assert_eq!(
            record["outcome"],
            wanted.map_or("workflow_step_failed", |_| "ok")
        );
        // The answer itself was given.
        let cost = record["cost_nano_usd"].as_u64().unwrap();
        assert!(cost >= 17_000, "{record}");
        assert_eq!(counted(&bench)[0], (cost, 0));
    }
}

/// A sound that is longer than `limits.body`, 4000 bytes here, has failed its step.
#[test]
fn regression_a_sound_that_is_too_long_for_the_gateway_is_not_given() {
    for (more, wanted) in [(json!({}), false), (json!({"on_error": "skip"}), true)] {
        let bench = speaking(more, |_| {});
        let mut run = sent(&bench);
        let callout = asks_for(run.data(ANSWER, true));
        let on = run.hears_sound(&callout, 200, &[1; 3_000]);
        match on {
            OnAnswered::Answer(OnData::Replace(body)) if wanted => {
                let answer: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(answer["choices"][0]["message"]["content"], "ANSWER");
            }
            OnAnswered::Answer(OnData::Reply(reply)) if !wanted => {
                let told = status_and_code(&reply);
                assert_eq!(told, (502, "workflow_step_failed".to_owned()));
            }
            on => panic!("{on:?}"),
        }
        let record = run.done();
        let step = &record["steps"][0];
        assert_eq!(
            (&step["outcome"], &step["cost_nano_usd"]),
            (&json!("too_long"), &json!(6_000))
        );
        assert_eq!(record["steps"].as_array().unwrap().len(), 1);
        assert_eq!(counted(&bench)[0], (23_000, 0));
    }
    // The other model may say it in fewer bytes.
    let other = json!({"cluster": "other", "model": "tts-2", "price": {"input": 0, "output": 0, "characters": 2}});
    let bench = speaking(json!({"on_error": "fallback", "fallback": other}), |_| {});
    let mut run = sent(&bench);
    let callout = asks_for(run.data(ANSWER, true));
    let OnAnswered::Answer(on) = run.hears_sound(&callout, 200, &[1; 3_000]) else {
        panic!("no answer")
    };
    let again = asks_for(on);
    assert_eq!(again.cluster, "other");
    let answer = shown(run.hears_sound(&again, 200, b"sound"));
    let audio = &answer["choices"][0]["message"]["audio"];
    assert_eq!(audio["data"], BASE64_STANDARD.encode(b"sound"));
    let record = run.done();
    assert_eq!(record["steps"][0]["outcome"], "too_long");
    assert_eq!(record["steps"][1]["outcome"], "ok");
    assert_eq!(record["cost_nano_usd"], 17_000 + 6_000 + 12_000);
}

/// An answer that is too long to be held, or can't be read, can't be read aloud.
#[test]
fn regression_what_can_not_be_read_aloud_does_what_on_error_says() {
    let long = ANSWER.replace("ANSWER", &"a".repeat(4_000));
    for (answer, end) in [(long.as_str(), false), ("{\"choices\":[", true)] {
        for (on_error, fails) in [("fail", true), ("skip", false)] {
            let bench = speaking(json!({"on_error": on_error}), |_| {});
            let mut run = sent(&bench);
            let on = run.data(answer, end);
            match on {
                OnData::Reply(reply) if fails => {
                    let told = status_and_code(&reply);
                    assert_eq!(told, (502, "workflow_step_failed".to_owned()));
                    assert_eq!(run.done()["outcome"], "workflow_step_failed");
                }
                OnData::Pass if !fails => drop(run.done()),
                on => panic!("{on:?}"),
            }
            // Nobody was going to inspect it.
            let unscannable = bench.counted(
                "tollgate.unscannable_total",
                &[("kind", "answers"), ("action", "pass")],
            );
            assert_eq!(unscannable, [0; 0]);
        }
    }
}

/// Characters that are syllables of their own, and digits, take more sound than letters.
#[test]
fn regression_the_longest_sound_is_reserved() {
    for (character, least) in [
        ("a", 600),
        ("5", 1_600),
        ("語", 1_600),
        ("한", 1_600),
        ("😀", 600),
    ] {
        let bench = speaking(json!({}), |policy| {
            policy["limits"] = json!({"body": 40_000, "held_per_tenant": 90_000});
        });
        let mut run = sent(&bench);
        let (_, reserved) = counted(&bench)[1];
        // 8 for each token of the bound.
        let answer = ANSWER.replace("ANSWER", &character.repeat(50 * 8));
        let callout = asks_for(run.data(&answer, true));
        shown(run.hears_sound(&callout, 200, b"sound"));
        run.done();
        let (used, rest) = counted(&bench)[1];
        assert_eq!(rest, 0);
        assert!(
            used > least && used <= reserved,
            "{character}: {used} of {reserved}"
        );
    }
}

#[test]
fn what_calls_a_tool_is_not_read_aloud() {
    let bench = speaking(json!({}), |_| {});
    let mut run = sent(&bench);
    let answer = r#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]}}],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#;
    let on = run.data(answer, true);
    assert!(matches!(on, OnData::Pass | OnData::Replace(_)), "{on:?}");
    let record = run.done();
    assert_eq!(
        (&record["outcome"], record.get("steps")),
        (&json!("ok"), None)
    );
}

#[test]
fn guardrails_come_before_the_voice() {
    let masked = SPOKEN.replace("PROMPT text", "I am zoe@example.com");
    for (guardrail, said) in [
        (
            json!({"name": "pii", "phase": "input", "action": "mask", "restore": true}),
            "You are email address 1.",
        ),
        (
            json!({"name": "pii", "phase": "output", "action": "mask"}),
            "You are <EMAIL_ADDRESS>.",
        ),
    ] {
        let bench = speaking(json!({}), |policy| {
            let mut guardrail = guardrail.clone();
            guardrail["detect"] = json!("personal_data");
            guardrail["entities"] = json!(["EMAIL_ADDRESS"]);
            policy["guardrails"] = json!([guardrail]);
        });
        let mut run = bench.reading();
        let OnBody::Forward(outgoing) = run.body(&masked) else {
            panic!("not sent")
        };
        let body = outgoing.rewrite.unwrap().whole(masked.as_bytes());
        let body: Value = serde_json::from_slice(&body).unwrap();
        let own = body["messages"][0]["content"].as_str().unwrap();
        let own = own.trim_start_matches("I am ").to_owned();
        run.answer("200", JSON);
        let answer = ANSWER.replace("ANSWER", &format!("You are {own}."));
        let callout = asks_for(run.data(&answer, true));
        let asked: Value = serde_json::from_slice(&callout.body).unwrap();
        assert_eq!(asked["input"], said);
        let answer = shown(run.hears_sound(&callout, 200, b"sound"));
        let transcript = answer["choices"][0]["message"]["audio"]["transcript"].clone();
        let wanted = match guardrail["phase"].as_str() {
            Some("input") => "You are zoe@example.com.",
            _ => "You are <EMAIL_ADDRESS>.",
        };
        assert_eq!(transcript, wanted);
        run.done();
    }
}

#[test]
fn services_judge_before_an_answer_is_read_aloud() {
    let bench = speaking(json!({}), |policy| {
        let service = json!({"cluster": "presidio", "kind": "presidio"});
        policy["guardrails"] = json!([{"name": "names", "phase": "output", "detect": {"service": service}, "action": "mask"}]);
    });
    let mut run = sent(&bench);
    let asked = asks_for(run.data(&ANSWER.replace("ANSWER", "Alice said so."), true));
    assert_eq!(asked.cluster, "presidio");
    let hit = br#"[{"start":0,"end":5,"entity_type":"PERSON","score":0.9}]"#;
    let on = run.hears_sound(&asked, 200, hit);
    let OnAnswered::Answer(on) = on else {
        panic!("{on:?}")
    };
    let callout = asks_for(on);
    assert_eq!(callout.cluster, "speech");
    let asked: Value = serde_json::from_slice(&callout.body).unwrap();
    assert_eq!(asked["input"], "<PERSON> said so.");
    let answer = shown(run.hears_sound(&callout, 200, b"sound"));
    assert_eq!(
        answer["choices"][0]["message"]["audio"]["transcript"],
        "<PERSON> said so."
    );
    run.done();
}

#[test]
fn callers_who_leave_pay_what_was_under_way() {
    let bench = speaking(json!({}), |_| {});
    let mut run = sent(&bench);
    asks_for(run.data(ANSWER, true));
    let record = run.finish(0, "downstream_remote_disconnect");
    assert_eq!(record["outcome"], "client_closed");
    assert_eq!(record["steps"][0]["outcome"], "unfinished");
    assert_eq!(record["cost_nano_usd"], 23_000);
    assert_eq!(counted(&bench)[0], (23_000, 0));
}
