//! The cache in calls: what it gives, what it gets, and what it never does.

mod beyond;
mod crowded;
mod ends;
mod lasting;

use super::*;
use crate::http::Answer;
use crate::ledger::limits::Holder;

const MAIL: &str = "quilliam@zwexford.org";
const TOKEN: &str = "ghp_x7Kd92LmQpR4tVwYzA1bC3eF5gH6iJ8kN0oS";
const OTHER: (&str, &str) = ("x-api-key", "other-secret");
const BLUE: (&str, &str) = ("x-api-key", "blue-secret");

/// A gateway with a cache, limits and prices.
fn bench(change: impl FnOnce(&mut Value)) -> Bench {
    let mut policy = policy();
    policy["cache"] = json!({"memory": "8MiB", "scope": "tenant", "max_entry": "64KiB"});
    let target = &mut policy["models"]["smart"]["targets"][0];
    target["price"] = json!({"input": "1", "output": "2"});
    policy["tenants"]["acme"]["limits"] =
        json!([{"tokens": 1_000_000, "per": "day"}, {"requests": 10, "per": "day"}]);
    policy["tenants"]["blue"]["models"] = json!(["hidden", "smart"]);
    let key = |key: &str, user: &str| {
        let digest = Sha256::digest(key);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        json!({"sha256": hex, "user": user})
    };
    let keys = policy["tenants"]["acme"]["keys"].as_array_mut().unwrap();
    keys.push(key("other-secret", "other"));
    change(&mut policy);
    Bench::of(&policy)
}

fn chat(text: &str) -> String {
    json!({"model": "smart", "max_tokens": 9, "messages": [{"role": "user", "content": text}]})
        .to_string()
}

fn streamed(text: &str) -> String {
    let mut body: Value = serde_json::from_str(&chat(text)).unwrap();
    body["stream"] = json!(true);
    body.to_string()
}

fn answer(text: &str, reason: &str) -> String {
    json!({"id": "c-1", "object": "chat.completion", "created": 1, "model": "gpt", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}})
    .to_string()
}

/// The same answer with as many tokens as were asked for.
fn full(answer: &str) -> String {
    answer.replace("\"completion_tokens\":4", "\"completion_tokens\":9")
}

fn chunk(delta: Value, reason: Value) -> String {
    let chunk = json!({"id": "c-1", "object": "chat.completion.chunk", "created": 1,
        "model": "gpt", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
    format!("data: {chunk}\n\n")
}

fn stream_of(texts: &[&str], reason: &str) -> String {
    let mut events = chunk(json!({"role": "assistant", "content": ""}), Value::Null);
    for text in texts {
        events += &chunk(json!({"content": text}), Value::Null);
    }
    events += &chunk(json!({}), json!(reason));
    let usage = json!({"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt",
        "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}});
    events + &format!("data: {usage}\n\ndata: [DONE]\n\n")
}

/// What came of a request.
enum Asked<'b> {
    /// It is at the provider.
    Sent(Box<Run<'b>>),
    /// The cache has answered, and this is the record.
    Hit(Reply, Value),
}

impl Bench {
    fn asks(&self, body: &str, list: List<'_>) -> Asked<'_> {
        let mut run = self.run();
        let head = run.head("POST", CHAT, list, false);
        assert_eq!(head, OnHead::Hold);
        match run.body(body) {
            OnBody::Forward(_) => Asked::Sent(Box::new(run)),
            OnBody::Reply(reply) => {
                assert!(!run.call.reads_answer());
                let record = run.finish(200, "");
                Asked::Hit(reply, record)
            }
            OnBody::Ask(callouts) => panic!("{callouts:?}"),
        }
    }

    /// Lets a provider answer; the record, and what the caller saw.
    fn answered(&self, body: &str, list: List<'_>, answer: &str) -> (Value, String, HeaderEdits) {
        let Asked::Sent(mut run) = self.asks(body, list) else {
            panic!("the cache has answered")
        };
        let kind = if answer.starts_with("data:") {
            SSE
        } else {
            JSON
        };
        let (OnAnswer::Forward(edits) | OnAnswer::Hold(edits)) = run.answer("200", kind) else {
            panic!("no answer")
        };
        let seen = match run.data(answer, true) {
            OnData::Pass => answer.to_owned(),
            OnData::Replace(new) => String::from_utf8(new).unwrap(),
            other => panic!("{other:?}"),
        };
        (run.finish(200, "via_upstream"), seen, edits)
    }

    fn hit(&self, body: &str, list: List<'_>) -> (Reply, Value) {
        match self.asks(body, list) {
            Asked::Hit(reply, record) => (reply, record),
            Asked::Sent(_) => panic!("the cache has nothing"),
        }
    }

    fn misses(&self, body: &str, list: List<'_>) -> bool {
        match self.asks(body, list) {
            Asked::Sent(run) => {
                run.finish(0, "downstream_remote_disconnect");
                true
            }
            Asked::Hit(..) => false,
        }
    }

    /// Tokens and requests that acme has taken.
    fn taken(&self) -> Vec<u64> {
        let tenant = &self.gateway.policy.tenants["acme"];
        let scope = crate::ledger::limits::Scope {
            holder: Holder::Tenant("acme".to_owned()),
            meters: Rc::clone(&tenant.limits),
        };
        let budgets = scope.budgets(&self.gateway.book(&self.host));
        budgets
            .iter()
            .map(|budget| budget.used.saturating_add(budget.reserved))
            .collect()
    }
}

fn told(reply: &Reply, name: &str) -> String {
    let mut headers = reply.headers.iter();
    let found = headers.find(|(known, _)| *known == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

fn set<'e>(edits: &'e HeaderEdits, name: &str) -> &'e str {
    let found = edits.set.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, value)| value)
}

#[test]
fn an_answer_is_given_again_and_costs_nothing() {
    let bench = bench(|_| {});
    let good = answer("hello", "stop");
    let (record, seen, edits) = bench.answered(&chat("PROMPT"), &[USER], &good);
    says(
        &record,
        json!({"cache": "miss", "cache_stored": "stored", "outcome": "ok"}),
    );
    assert_eq!(
        (seen.as_str(), set(&edits, "x-cache")),
        (good.as_str(), "MISS")
    );
    let (taken, totals) = (bench.taken(), bench.totals("acme", "smart"));
    bench.after(5_500);
    // Another order of members, other white space and escapes.
    let same = r#"{ "messages": [{"content": "PRO\u004dPT", "role":"user"}], "max_tokens": 9, "model":"smart"}"#;
    let (reply, record) = bench.hit(same, &[OTHER]);
    assert_eq!(reply.status, 200);
    assert_eq!(String::from_utf8(reply.body.clone()).unwrap(), good);
    assert_eq!(told(&reply, "x-cache"), "HIT");
    assert_eq!(told(&reply, "age"), "5");
    assert_eq!(told(&reply, "content-type"), "application/json");
    says(
        &record,
        json!({"cache": "hit", "cache_age_ms": 5500, "cache_saved_tokens": 13,
               "cache_saved_nano_usd": 17_000, "outcome": "ok", "usage": "none", "model": "smart",
               "input_tokens": 0, "output_tokens": 0, "cost_nano_usd": 0, "attempts": 0}),
    );
    assert_eq!(bench.taken(), taken, "nothing was reserved");
    let after = bench.totals("acme", "smart");
    assert_eq!(after[3], totals[3] + 1, "it was answered here");
    assert_eq!(after[4..], totals[4..]);
    let labels = |outcome: &'static str| {
        [
            ("tenant", "acme"),
            ("model", "smart"),
            ("outcome", outcome),
            ("kind", "none"),
        ]
    };
    assert_eq!(
        bench.counted("tollgate.cache_requests_total", &labels("hit")),
        [1]
    );
    assert_eq!(
        bench.counted("tollgate.cache_requests_total", &labels("miss")),
        [1]
    );
    let of = &labels("hit")[..2];
    assert_eq!(bench.counted("tollgate.cache_saved_tokens_total", of), [13]);
    assert_eq!(
        bench.counted("tollgate.cache_saved_nano_usd_total", of),
        [17_000]
    );
    assert_eq!(
        bench.counted("tollgate.cache_stores_total", &[("outcome", "stored")]),
        [1]
    );
}

#[test]
fn a_hit_needs_no_room_in_any_limit() {
    let bench = bench(|policy| {
        policy["tenants"]["acme"]["limits"] = json!([{"requests": 1, "per": "day"}]);
    });
    bench.answered(&chat("PROMPT"), &[USER], &answer("hello", "stop"));
    let Asked::Hit(refused, _) = bench.asks(&chat("else"), &[USER]) else {
        panic!("the limit is reached")
    };
    assert_eq!(refused.status, 429);
    assert_eq!(bench.hit(&chat("PROMPT"), &[USER]).0.status, 200);
}

#[test]
fn whatever_shapes_the_answer_tells_questions_apart() {
    let bench = bench(|_| {});
    let body: Value = serde_json::from_str(&chat("PROMPT")).unwrap();
    bench.answered(&body.to_string(), &[USER], &answer("hello", "stop"));
    let with = |name: &str, value: Value| {
        let mut body = body.clone();
        body[name] = value;
        body.to_string()
    };
    for other in [
        with("temperature", json!(0)),
        with("max_tokens", json!(10)),
        with("user", json!("x")),
        with("seed", json!(1)),
        with("response_format", json!({"type": "json_object"})),
        with("messages", json!([{"role": "user", "content": "PROMPT "}])),
        with("messages", json!([{"role": "system", "content": "PROMPT"}])),
        chat("PROMPTs"),
    ] {
        assert!(bench.misses(&other, &[USER]), "{other}");
    }
    assert!(bench.misses(&body.to_string(), &[USER, ("openai-beta", "x")]));
    assert!(!bench.misses(&body.to_string(), &[USER, ("x-else", "x")]));
    assert!(!bench.misses(&with("stream_options", Value::Null), &[USER]));
}

#[test]
fn scopes_keep_callers_apart() {
    // Who else gets what acme's user "ci" has asked for: acme's "other", blue.
    for (cache, others) in [
        (json!({"memory": "4MiB"}), [false, false]),
        (json!({"scope": "user"}), [false, false]),
        (json!({"scope": "tenant"}), [true, false]),
        (
            json!({"scope": "tier", "cross_tenant": true}),
            [true, false],
        ),
        (
            json!({"scope": "global", "cross_tenant": true}),
            [true, true],
        ),
    ] {
        let bench = bench(|policy| policy["cache"] = cache.clone());
        bench.answered(&chat("PROMPT"), &[USER], &answer("hello", "stop"));
        assert!(!bench.misses(&chat("PROMPT"), &[USER]), "{cache}");
        let got = [OTHER, BLUE].map(|who| !bench.misses(&chat("PROMPT"), &[who]));
        assert_eq!(got, others, "{cache}");
    }
    let bench = bench(|policy| {
        policy["cache"] = json!({"scope": "tier", "cross_tenant": true});
        policy["tenants"]["blue"]["tier"] = json!("premium");
    });
    bench.answered(&chat("PROMPT"), &[USER], &answer("hello", "stop"));
    assert!(!bench.misses(&chat("PROMPT"), &[BLUE]));
}

#[test]
fn callers_decide_about_their_calls() {
    let bench = bench(|_| {});
    let body = chat("PROMPT");
    let (one, two) = (answer("one", "stop"), answer("two", "stop"));
    for header in [
        ("x-tollgate-cache", "bypass"),
        ("cache-control", "no-store"),
    ] {
        let (record, _, edits) = bench.answered(&body, &[USER, header], &one);
        says(&record, json!({"cache": "bypass", "cache_reason": "asked"}));
        assert_eq!(record.get("cache_stored"), None);
        assert_eq!(set(&edits, "x-cache"), "BYPASS");
        assert!(edits.remove.iter().any(|name| name == "age"));
    }
    assert!(bench.misses(&body, &[USER]), "nothing was stored");
    bench.answered(&body, &[USER], &one);
    bench.after(10_000);
    for header in [
        ("x-tollgate-cache", "refresh"),
        ("cache-control", "no-cache"),
    ] {
        let (record, _, edits) = bench.answered(&body, &[USER, header], &two);
        says(
            &record,
            json!({"cache": "bypass", "cache_reason": "refresh", "cache_stored": "stored"}),
        );
        assert_eq!(set(&edits, "x-cache"), "BYPASS");
    }
    assert_eq!(bench.hit(&body, &[USER]).0.body, two.as_bytes());
    bench.after(70_000);
    assert!(bench.misses(&body, &[USER, ("cache-control", "max-age=59")]));
    assert!(!bench.misses(&body, &[USER, ("cache-control", "max-age=60")]));
    let mut run = bench.run();
    let head = run.head("POST", CHAT, &[USER, ("x-tollgate-cache", "yes")], false);
    assert_eq!(refused_head(&head), (400, "invalid_value".to_owned()));
}

#[test]
fn a_caller_who_wants_only_what_is_there_gets_that_or_504() {
    let bench = bench(|policy| {
        policy["models"]["hidden"]["cache"] = json!(false);
        policy["tenants"]["acme"]["models"] = json!(["smart", "hidden"]);
    });
    let only = ("cache-control", "max-age=60, only-if-cached");
    let refused = |body: &str, list: List<'_>, cache: &str, reason: Value| {
        let Asked::Hit(reply, record) = bench.asks(body, list) else {
            panic!("a provider was asked")
        };
        assert_eq!(reply.status, 504);
        let body = serde_json::from_slice::<Value>(&reply.body).unwrap();
        assert_eq!(body["error"]["code"], "not_cached");
        let retry = ("x-should-retry", "false".to_owned());
        assert!(reply.headers.contains(&retry), "{:?}", reply.headers);
        says(
            &record,
            json!({"cache": cache, "outcome": "not_cached", "usage": "none"}),
        );
        assert_eq!(record["cache_reason"], reason);
    };
    let body = chat("PROMPT");
    refused(&body, &[USER, only], "miss", Value::Null);
    assert_eq!(bench.taken(), [0, 0]);
    bench.answered(&body, &[USER], &answer("hello", "stop"));
    assert_eq!(bench.hit(&body, &[USER, only]).0.status, 200);
    let new = ("cache-control", "no-cache");
    refused(&body, &[USER, only, new], "bypass", json!("refresh"));
    let none = ("cache-control", "no-store");
    refused(&body, &[USER, only, none], "bypass", json!("asked"));
    let hidden = body.replace("smart", "hidden");
    refused(&hidden, &[USER, only], "bypass", json!("model"));
    bench.after(70_000);
    refused(&body, &[USER, only], "miss", Value::Null);
}

#[test]
fn answers_end_and_clocks_step_back() {
    let bench = bench(|policy| policy["cache"]["ttl"] = json!("1m"));
    bench.after(10_000);
    bench.answered(&chat("PROMPT"), &[USER], &answer("hello", "stop"));
    bench.after(69_999);
    assert!(!bench.misses(&chat("PROMPT"), &[USER]));
    bench.after(70_000);
    assert!(bench.misses(&chat("PROMPT"), &[USER]));
    bench.after(9_999);
    assert!(bench.misses(&chat("PROMPT"), &[USER]));
}

#[test]
fn only_what_ended_well_is_stored() {
    let long = answer(&"x".repeat(70_000), "stop");
    let two = json!({"choices": [
        {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"},
        {"index": 1, "message": {"content": "b"}, "finish_reason": "content_filter"}]});
    let cut = stream_of(&["hel", "lo"], "stop");
    let (cut, _) = cut.split_at(cut.len() - "data: [DONE]\n\n".len());
    let failed = stream_of(&["hel"], "stop").replace(
        "data: [DONE]",
        "data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]",
    );
    let short = chat("PROMPT").replace("\"max_tokens\":9,", "");
    for (body, answer, stored) in [
        (chat("PROMPT"), answer("x", "content_filter"), "bad_end"),
        (chat("PROMPT"), two.to_string(), "bad_end"),
        (
            chat("PROMPT"),
            r#"{"error":{"message":"no"}}"#.to_owned(),
            "bad_end",
        ),
        (chat("PROMPT"), "[]".to_owned(), "bad_end"),
        (
            chat("PROMPT"),
            answer("x", "stop")[..80].to_owned(),
            "bad_end",
        ),
        (chat("PROMPT"), long, "too_long"),
        (short.clone(), answer("x", "length"), "truncated"),
        (short, answer("x", "stop"), "stored"),
        (chat("PROMPT"), full(&answer("x", "length")), "stored"),
        (chat("PROMPT"), answer("x", "length"), "truncated"),
        (streamed("PROMPT"), failed, "not_answered"),
        (streamed("PROMPT"), cut.to_owned(), "bad_end"),
        (
            streamed("PROMPT"),
            stream_of(&["hel"], "content_filter"),
            "bad_end",
        ),
        (
            streamed("PROMPT"),
            full(&stream_of(&["hel"], "length")),
            "stored",
        ),
        (
            streamed("PROMPT"),
            stream_of(&["hel"], "length"),
            "truncated",
        ),
    ] {
        let bench = bench(|_| {});
        let (record, ..) = bench.answered(&body, &[USER], &answer);
        assert_eq!(record["cache_stored"], stored, "{body} {answer:.200}");
        assert_eq!(bench.misses(&body, &[USER]), stored != "stored");
    }
}

#[test]
fn errors_and_calls_that_were_cut_are_not_stored() {
    let bench = bench(|_| {});
    let good = answer("hello", "stop");
    for (status, end) in [("500", true), ("429", true), ("201", true), ("200", false)] {
        let Asked::Sent(mut run) = bench.asks(&chat("PROMPT"), &[USER]) else {
            panic!("{status} was stored")
        };
        run.answer(status, JSON);
        run.data(&good, end);
        let record = run.finish(200, "upstream_reset_after_response_started");
        assert_ne!(record["cache_stored"], "stored", "{status}");
    }
    // A stream whose caller hung up in the middle.
    let Asked::Sent(mut run) = bench.asks(&streamed("PROMPT"), &[USER]) else {
        panic!()
    };
    run.answer("200", SSE);
    run.data(&stream_of(&["hel", "lo"], "stop")[..300], false);
    let record = run.finish(200, "downstream_remote_disconnect");
    assert_eq!(record["cache_stored"], "not_answered");
    assert!(bench.misses(&streamed("PROMPT"), &[USER]));
}

#[test]
fn streams_become_answers_and_answers_streams() {
    let events = |body: &[u8]| {
        let text = String::from_utf8(body.to_vec()).unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.map(str::to_owned).collect::<Vec<String>>()
    };
    let text_of = |events: &[String]| {
        let deltas = events.iter().filter_map(|event| {
            let event: Value = serde_json::from_str(event).ok()?;
            Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned())
        });
        deltas.collect::<String>()
    };
    let asking = streamed("PROMPT").replace(
        "\"stream\":true",
        "\"stream\":true,\"stream_options\":{\"include_usage\":true}",
    );
    for first in [0, 1] {
        let bench = bench(|_| {});
        let (record, ..) = match first {
            0 => bench.answered(
                &streamed("PROMPT"),
                &[USER],
                &stream_of(&["hel", "lo"], "stop"),
            ),
            _ => bench.answered(&chat("PROMPT"), &[USER], &answer("hello", "stop")),
        };
        assert_eq!(record["cache_stored"], "stored");
        let (reply, record) = bench.hit(&streamed("PROMPT"), &[USER]);
        assert_eq!(record["stream"], true);
        assert_eq!(told(&reply, "content-type"), "text/event-stream");
        let came = events(&reply.body);
        assert_eq!(
            (text_of(&came).as_str(), came.last().unwrap().as_str()),
            ("hello", "[DONE]")
        );
        assert!(
            !came.iter().any(|event| event.contains("prompt_tokens")),
            "{came:?}"
        );
        let came = events(&bench.hit(&asking, &[USER]).0.body);
        let usage: Value = serde_json::from_str(&came[came.len() - 2]).unwrap();
        assert_eq!(
            (&usage["choices"], &usage["usage"]["prompt_tokens"]),
            (&json!([]), &json!(9))
        );
        let (reply, record) = bench.hit(&chat("PROMPT"), &[USER]);
        assert_eq!(record["stream"], false);
        let whole: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(whole["choices"][0]["message"]["content"], "hello");
        assert_eq!(whole["usage"]["prompt_tokens"], 9);
    }
}

#[test]
fn in_any_pieces_the_same_is_stored() {
    let whole = stream_of(&["hel", "lo"], "stop");
    for size in [1, 7, 100] {
        let bench = bench(|_| {});
        let Asked::Sent(mut run) = bench.asks(&streamed("PROMPT"), &[USER]) else {
            panic!()
        };
        run.answer("200", SSE);
        for piece in whole.as_bytes().chunks(size) {
            run.data(std::str::from_utf8(piece).unwrap(), false);
        }
        run.data("", true);
        assert_eq!(run.finish(200, "")["cache_stored"], "stored");
        let (reply, _) = bench.hit(&chat("PROMPT"), &[USER]);
        let whole: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(whole["choices"][0]["message"]["content"], "hello");
    }
}

#[test]
fn what_an_operator_left_out_is_not_kept() {
    let tool = json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]);
    let image = json!([{"role": "user", "content": [{"type": "image_url",
        "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}]);
    let remote = json!([{"role": "user", "content": [{"type": "image_url",
        "image_url": {"url": "https://example.com/a.png"}}]}]);
    for (cache, name, value, reason) in [
        (json!({}), "tools", tool.clone(), "tools"),
        (json!({"tools": true}), "tools", tool, ""),
        (json!({}), "messages", image.clone(), "media"),
        (json!({"media": true}), "messages", image, ""),
        (json!({"media": true}), "messages", remote, "refers"),
        (
            json!({"deterministic": true}),
            "temperature",
            json!(0.5),
            "not_deterministic",
        ),
        (json!({"deterministic": true}), "temperature", json!(0), ""),
        (json!({}), "temperature", json!(0.5), ""),
        (json!({}), "store", json!(true), "side_effect"),
    ] {
        let bench = bench(|policy| policy["cache"] = cache.clone());
        let mut body: Value = serde_json::from_str(&chat("PROMPT")).unwrap();
        body[name] = value;
        let (record, ..) = bench.answered(&body.to_string(), &[USER], &answer("x", "stop"));
        let kept = reason.is_empty();
        let wanted = if kept { "miss" } else { "bypass" };
        assert_eq!(record["cache"], wanted, "{body}");
        assert_eq!(record["cache_reason"].as_str().unwrap_or_default(), reason);
        assert_eq!(bench.misses(&body.to_string(), &[USER]), !kept, "{body}");
    }
}

#[test]
fn models_and_rules_are_left_out() {
    let bench = bench(|policy| {
        policy["models"]["same"]["cache"] = json!(false);
        policy["routing"] = json!([{"when": {"headers": {"x-fresh": true}}, "use": "smart",
            "override": true, "cache": false}]);
    });
    let same = chat("PROMPT").replace("smart", "same");
    let (record, ..) = bench.answered(&same, &[USER], &answer("x", "stop"));
    says(&record, json!({"cache": "bypass", "cache_reason": "model"}));
    bench.answered(&chat("PROMPT"), &[USER], &answer("x", "stop"));
    let fresh = [USER, ("x-fresh", "1")];
    let (record, ..) = bench.answered(&chat("PROMPT"), &fresh, &answer("y", "stop"));
    says(
        &record,
        json!({"cache": "bypass", "cache_reason": "rule", "rule": "rule-0"}),
    );
    assert_eq!(
        bench.hit(&chat("PROMPT"), &[USER]).0.body,
        answer("x", "stop").as_bytes()
    );
}

#[test]
fn without_a_cache_nothing_is_said_of_one() {
    let bench = bench(|policy| drop(policy.as_object_mut().unwrap().remove("cache")));
    let refusing = [USER, ("x-tollgate-cache", "nonsense")];
    let (record, _, edits) = bench.answered(&chat("PROMPT"), &refusing, &answer("x", "stop"));
    assert_eq!((record.get("cache"), set(&edits, "x-cache")), (None, ""));
    assert!(!edits.remove.iter().any(|name| name == "age"));
    assert!(bench.misses(&chat("PROMPT"), &[USER]));
}

fn guarded(action: &str) -> impl FnOnce(&mut Value) {
    move |policy| {
        policy["guardrails"] = json!([
            {"name": "pii", "phase": "input", "detect": "personal_data", "action": "mask", "restore": true},
            {"name": "out", "phase": "output", "detect": "personal_data", "action": action},
            {"name": "keys", "phase": "output", "detect": "secrets", "action": "block"},
        ]);
    }
}

#[test]
fn what_guardrails_have_touched_is_not_stored() {
    for (action, text, stored) in [
        ("mask", "hello", "stored"),
        ("mask", MAIL, "guarded"),
        ("monitor", MAIL, "stored"),
        ("mask", TOKEN, "guarded"),
    ] {
        for stream in [false, true] {
            let bench = bench(guarded(action));
            let (body, answer) = match stream {
                false => (chat("PROMPT"), answer(text, "stop")),
                true => (streamed("PROMPT"), stream_of(&[text, " ."], "stop")),
            };
            let (record, ..) = bench.answered(&body, &[USER], &answer);
            let wanted = match (text, stream) {
                (TOKEN, _) => "not_answered",
                _ => stored,
            };
            assert_eq!(record["cache_stored"], wanted, "{action} {text} {stream}");
            assert_eq!(bench.misses(&body, &[USER]), wanted != "stored");
        }
    }
}

#[test]
fn a_hit_is_counted_by_what_only_counts() {
    let bench = bench(guarded("monitor"));
    bench.answered(&chat("PROMPT"), &[USER], &answer(MAIL, "stop"));
    let (reply, record) = bench.hit(&streamed("PROMPT"), &[USER]);
    assert!(String::from_utf8(reply.body).unwrap().contains(MAIL));
    assert_eq!(
        record["guardrails"][0]["found"],
        json!({"EMAIL_ADDRESS": 1})
    );
}

#[test]
fn what_guards_the_tenant_guards_its_hits() {
    // Answers are shared by all; what guards them is not, so they are not shared after all.
    let [without, with] = [false, true].map(|blocks| {
        move |policy: &mut Value| {
            policy["cache"] = json!({"scope": "global", "cross_tenant": true});
            if blocks {
                policy["guardrails"] = json!([{"name": "keys", "phase": "output",
                    "detect": "secrets", "action": "block", "tenants": ["blue"]}]);
            }
        }
    });
    let free = bench(without);
    free.answered(&chat("PROMPT"), &[USER], &answer(TOKEN, "stop"));
    assert!(!free.misses(&chat("PROMPT"), &[BLUE]));
    let guarded = bench(with);
    guarded.answered(&chat("PROMPT"), &[USER], &answer(TOKEN, "stop"));
    assert!(guarded.misses(&chat("PROMPT"), &[BLUE]));
    assert!(
        !guarded.misses(&chat("PROMPT"), &[OTHER]),
        "acme is not guarded"
    );
}

#[test]
fn each_caller_gets_its_own_values_back() {
    let bench = bench(guarded("mask"));
    let ask = |mail: &str| chat(&format!("PROMPT {mail}"));
    let Asked::Sent(mut run) = bench.asks(&ask(MAIL), &[USER]) else {
        panic!()
    };
    drop(run.answer("200", JSON));
    // What the provider saw stands in a body that the same values give.
    let mut again = bench.reading();
    let OnBody::Forward(outgoing) = again.body(&ask(MAIL)) else {
        panic!()
    };
    let sent = outgoing.rewrite.unwrap().whole(ask(MAIL).as_bytes());
    again.finish(0, "downstream");
    let sent = String::from_utf8(sent).unwrap();
    let start = sent.find("<EMAIL_ADDRESS_1_").unwrap();
    let placeholder = sent[start..].split_inclusive('>').next().unwrap();
    let given = answer(&format!("Dear {placeholder}!"), "stop");
    let OnData::Replace(seen) = run.data(&given, true) else {
        panic!()
    };
    assert!(
        String::from_utf8(seen)
            .unwrap()
            .contains(&format!("Dear {MAIL}!"))
    );
    assert_eq!(run.finish(200, "")["cache_stored"], "stored");
    for body in [ask(MAIL), streamed(&format!("PROMPT {MAIL}"))] {
        let (reply, _) = bench.hit(&body, &[OTHER]);
        let text = String::from_utf8(reply.body).unwrap();
        assert!(
            text.contains(MAIL) && !text.contains("EMAIL_ADDRESS"),
            "{text}"
        );
    }
    // Another value is another question, and its answer is not to be had.
    assert!(bench.misses(&ask("other@zwexford.org"), &[USER]));
    // Values lie nowhere.
    let told = bench.host.shared_text();
    assert!(
        told.contains("Dear <EMAIL"),
        "the answer is there as the provider gave it"
    );
    assert!(!told.contains(MAIL));
}

#[test]
fn what_is_masked_for_good_is_the_same_question() {
    let bench = bench(|policy| {
        policy["guardrails"] = json!([{"name": "pii", "phase": "input",
            "detect": "personal_data", "action": "mask"}]);
    });
    let ask = |mail: &str| chat(&format!("PROMPT {mail}"));
    bench.answered(&ask(MAIL), &[USER], &answer("hello", "stop"));
    assert!(!bench.misses(&ask("other@zwexford.org"), &[OTHER]));
}

/// The same host under another policy.
fn reloaded(bench: Bench, change: impl FnOnce(&mut Value)) -> Bench {
    Bench {
        host: bench.host,
        ..self::bench(change)
    }
}

#[test]
fn input_guardrails_come_before_the_cache() {
    let free = bench(|_| {});
    free.answered(&chat(TOKEN), &[USER], &answer("hello", "stop"));
    let guarded = reloaded(free, |policy| {
        policy["guardrails"] = json!([{"name": "keys", "phase": "input",
            "detect": "secrets", "action": "block"}]);
    });
    let Asked::Hit(refused, record) = guarded.asks(&chat(TOKEN), &[USER]) else {
        panic!()
    };
    assert_eq!((refused.status, record.get("cache")), (400, None));
}

#[test]
fn a_policy_that_means_the_same_keeps_the_answers() {
    let mut now = bench(|_| {});
    now.answered(&chat("PROMPT"), &[USER], &answer("hello", "stop"));
    for (change, kept) in [
        (
            json!({"models": {"smart": {"limits": [{"requests": 5, "per": "day"}]}}}),
            true,
        ),
        (
            json!({"models": {"smart": {"timeouts": {"total": "1m"}}}}),
            true,
        ),
        (
            json!({"tenants": {"acme": {"limits": [{"requests": 7, "per": "day"}]}}}),
            true,
        ),
        (json!({"cache": {"ttl": "2h"}}), true),
        (json!({"backends": {"near": {"authority": "x"}}}), true),
        (json!({"backends": {"far": {"authority": "x"}}}), false),
        (json!({"backends": {"far": {"cluster": "x"}}}), false),
        (
            json!({"models": {"smart": {"targets": [{"backend": "far", "model": "other"}]}}}),
            false,
        ),
        (
            json!({"models": {"smart": {"answer_model": "virtual"}}}),
            false,
        ),
        (
            json!({"guardrails": [{"name": "o", "phase": "output", "detect": "secrets",
            "action": "monitor"}]}),
            false,
        ),
        (
            json!({"guardrails": [{"name": "o", "phase": "output", "detect": "secrets",
            "action": "monitor", "tenants": ["blue"]}]}),
            true,
        ),
    ] {
        now = reloaded(now, |policy| merge(policy, &change));
        assert_eq!(now.misses(&chat("PROMPT"), &[USER]), !kept, "{change}");
    }
}

fn merge(into: &mut Value, change: &Value) {
    for (name, value) in change.as_object().unwrap() {
        match (&mut into[name], value) {
            (member @ Value::Object(_), Value::Object(_)) => merge(member, value),
            (member, value) => *member = value.clone(),
        }
    }
}

/// Acme's whole answers are shown to a service.
fn judged(policy: &mut Value) {
    policy["guardrails"] = json!([{"name": "judge", "phase": "output", "action": "block",
        "detect": {"service": {"cluster": "judge", "kind": "generic", "path": "/judge"}}}]);
}

const CLEAN: &str = r#"{"flagged":false}"#;
const BAD: &str = r#"{"flagged":true}"#;

/// Lets a service say this of an answer of the cache's; the reply and the record.
fn judge_hit(bench: &Bench, verdict: &str) -> (Reply, Value) {
    let mut run = bench.reading();
    let OnBody::Ask(callouts) = run.body(&chat("PROMPT")) else {
        panic!("the service is not asked")
    };
    assert_eq!(callouts.len(), 1);
    assert!(!run.call.passes_request() && !run.call.reads_request());
    let answer = Answer {
        status: 200,
        body: verdict.as_bytes().to_vec(),
    };
    let token = callouts[0].token;
    let on = run.call.service_answered(&bench.host, token, Some(&answer));
    let OnAnswered::Request(OnBody::Reply(reply)) = on else {
        panic!("{on:?}")
    };
    (reply, run.finish(200, ""))
}

#[test]
fn services_judge_hits_too() {
    let bench = bench(judged);
    let good = answer("hello", "stop");
    let Asked::Sent(mut run) = bench.asks(&chat("PROMPT"), &[USER]) else {
        panic!()
    };
    run.answer("200", JSON);
    let OnData::Ask(callouts) = run.data(&good, true) else {
        panic!()
    };
    let clean = Answer {
        status: 200,
        body: CLEAN.as_bytes().to_vec(),
    };
    let token = callouts[0].token;
    run.call.service_answered(&bench.host, token, Some(&clean));
    assert_eq!(run.finish(200, "")["cache_stored"], "stored");
    let (reply, record) = judge_hit(&bench, CLEAN);
    assert_eq!(
        (reply.body.as_slice(), told(&reply, "x-cache")),
        (good.as_bytes(), "HIT".to_owned())
    );
    says(&record, json!({"cache": "hit", "outcome": "ok"}));
    let (reply, record) = judge_hit(&bench, BAD);
    assert!(!String::from_utf8(reply.body).unwrap().contains("hello"));
    says(
        &record,
        json!({"cache": "hit", "outcome": "guardrail_blocked"}),
    );
    assert_eq!(record["cache_saved_tokens"], Value::Null);
    // A refusal in its place is no hit to its caller.
    let (reply, record) = judge_hit(&bench, "no verdict");
    assert_eq!(reply.status, 503);
    assert_eq!(
        (told(&reply, "x-cache"), told(&reply, "age")),
        Default::default()
    );
    says(
        &record,
        json!({"cache": "hit", "outcome": "guardrail_unavailable"}),
    );
    assert_eq!(record["cache_saved_tokens"], Value::Null);
    // A caller who leaves meanwhile.
    let mut run = bench.reading();
    assert!(matches!(run.body(&chat("PROMPT")), OnBody::Ask(_)));
    let record = run.finish(0, "downstream");
    says(
        &record,
        json!({"cache": "hit", "model": "smart", "outcome": "client_closed"}),
    );
    assert_eq!(record["cache_saved_tokens"], Value::Null);
}

#[test]
fn a_damaged_answer_is_none() {
    let bench = bench(|_| {});
    bench.answered(&chat("PROMPT"), &[USER], &answer("hello", "stop"));
    bench
        .host
        .damage(|name| name.contains("/cache1/s") && name.ends_with("/0"));
    assert!(bench.misses(&chat("PROMPT"), &[USER]));
    bench.answered(&chat("PROMPT"), &[USER], &answer("again", "stop"));
}

/// Purges; the status, and the code or whose answers went.
fn purge(bench: &Bench, who: (&str, &str), body: &str) -> (u16, String) {
    let mut run = bench.run();
    let head = run.head("POST", "/tollgate/cache/purge", &[who], body.is_empty());
    let reply = match head {
        OnHead::Reply(reply) => reply,
        OnHead::Hold => match run.body(body) {
            OnBody::Reply(reply) => reply,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let record = run.finish(reply.status, "");
    assert_eq!(record["operation"], "cache_purge");
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    let said = body["purged"].as_str().or(body["error"]["code"].as_str());
    (reply.status, said.unwrap().to_owned())
}

#[test]
fn admins_purge_their_tenant_and_some_of_them_all() {
    let blue = |policy: &mut Value| {
        policy["cache"]["purge_all"] = json!(["blue"]);
        policy["tenants"]["blue"]["keys"][0]["role"] = json!("admin");
    };
    let bench = bench(blue);
    let fill = || {
        for who in [USER, BLUE] {
            bench.answered(&chat("PROMPT"), &[who], &answer("hello", "stop"));
            assert!(!bench.misses(&chat("PROMPT"), &[who]));
        }
    };
    let left = || [USER, BLUE].map(|who| !bench.misses(&chat("PROMPT"), &[who]));
    let said = |status, word: &str| (status, word.to_owned());
    fill();
    assert_eq!(purge(&bench, USER, ""), said(403, "admin_only"));
    assert_eq!(
        purge(&bench, ADMIN, r#"{"all":true}"#),
        said(403, "purge_all_not_allowed")
    );
    assert_eq!(
        purge(&bench, ADMIN, r#"{"al":true}"#),
        said(400, "invalid_value")
    );
    assert_eq!(left(), [true, true]);
    assert_eq!(purge(&bench, ADMIN, ""), said(200, "tenant"));
    assert_eq!(left(), [false, true]);
    bench.answered(&chat("PROMPT"), &[USER], &answer("hello", "stop"));
    assert_eq!(purge(&bench, BLUE, r#"{"all": true}"#), said(200, "all"));
    assert_eq!(left(), [false, false]);
    // What was asked before a purge and answered after it is not given either.
    let Asked::Sent(mut run) = bench.asks(&chat("PROMPT"), &[USER]) else {
        panic!()
    };
    assert_eq!(purge(&bench, ADMIN, "{}"), said(200, "tenant"));
    run.answer("200", JSON);
    run.data(&answer("old", "stop"), true);
    run.finish(200, "");
    assert_eq!(left(), [false, false]);
    fill();
    let bench = reloaded(bench, blue);
    assert!(
        !bench.misses(&chat("PROMPT"), &[USER]),
        "purges outlive policies"
    );
    let labels = [("tenant", "acme"), ("kind", "tenant")];
    assert_eq!(
        bench.counted("tollgate.cache_purges_total", &labels),
        [1, 1]
    );
}

#[test]
fn a_generation_of_the_policys_purges_and_one_that_is_named_is_kept() {
    let numbered = |number: u64| {
        move |policy: &mut Value| {
            policy["cache"]["generation"] = json!(number);
            policy["cache"]["purge_all"] = json!(["acme"]);
        }
    };
    let bench = bench(numbered(5));
    bench.answered(&chat("PROMPT"), &[USER], &answer("hello", "stop"));
    assert!(!bench.misses(&chat("PROMPT"), &[USER]));
    let by_time = purge(&bench, ADMIN, r#"{"all":true}"#);
    assert_eq!(by_time, (200, "all".to_owned()));
    bench.answered(&chat("PROMPT"), &[USER], &answer("hello", "stop"));
    // However great the number of the purge was.
    let bench = reloaded(bench, numbered(6));
    bench.answered(&chat("PROMPT"), &[USER], &answer("hello", "stop"));
    let said = |status, word: &str| (status, word.to_owned());
    let ask = |body: &str| purge(&bench, ADMIN, body);
    assert_eq!(ask(r#"{"generation":7}"#), said(200, "tenant"));
    bench.answered(&chat("PROMPT"), &[USER], &answer("hello", "stop"));
    assert_eq!(ask(r#"{"generation":7}"#), said(200, "tenant"));
    assert!(!bench.misses(&chat("PROMPT"), &[USER]), "nothing more");
    assert_eq!(ask(r#"{"generation":6}"#), said(400, "generation_passed"));
    for wrong in ["0", "-1", "1.5", "\"7\"", "9007199254740991", "[]"] {
        let wish = format!(r#"{{"generation":{wrong}}}"#);
        assert_eq!(ask(&wish), said(400, "invalid_value"), "{wrong}");
    }
}

#[test]
fn without_a_cache_nothing_is_purged() {
    let bench = bench(|policy| drop(policy.as_object_mut().unwrap().remove("cache")));
    assert_eq!(purge(&bench, ADMIN, ""), (404, "no_cache".to_owned()));
}
