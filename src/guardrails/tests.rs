//! Rules on requests of both protocols: what breaks them, how often, and what is told.

use super::*;
use crate::json::tests::{Tape, arb_string, arb_tape, arb_value, cases, render};
use crate::protocols::{Api, ErrorKind};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::rc::Rc;

const OPENAI: Api = Api::ChatCompletions;
const ANTHROPIC: Api = Api::Messages;

fn rule(guardrail: u16, blocks: bool, asks: RequestRules) -> Rule {
    Rule {
        guardrail,
        name: format!("rule{guardrail}"),
        blocks,
        asks: Rc::new(asks),
    }
}

fn judge(api: Api, asks: RequestRules, body: &str) -> Verdict {
    let rules = Rules::new(vec![rule(7, true, asks)]);
    let judged = rules.judge(api, body.as_bytes(), || None);
    judged.unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// What is broken, with how often: `MESSAGES 1, TOOLS 2`.
fn broken(api: Api, asks: &RequestRules, body: &str) -> String {
    let verdict = judge(api, asks.clone(), body);
    assert_eq!(verdict.refusal().is_some(), !verdict.found().is_empty());
    let found = verdict.found().iter().map(|finding| {
        assert_eq!(finding.guardrail, 7);
        format!("{} {}", finding.what, finding.count)
    });
    found.collect::<Vec<_>>().join(", ")
}

fn most(measure: Measure, most: u64) -> RequestRules {
    RequestRules {
        most: vec![(measure, most)],
        ..RequestRules::default()
    }
}

fn roles(roles: &[&str]) -> RequestRules {
    RequestRules {
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        ..RequestRules::default()
    }
}

fn tools(tools: Tools) -> RequestRules {
    RequestRules {
        tools,
        ..RequestRules::default()
    }
}

fn names(names: &[&str]) -> Vec<Name> {
    let name = |name: &&str| match name.strip_suffix('*') {
        Some(prefix) => Name::Prefix(prefix.to_owned()),
        None => Name::Exact((*name).to_owned()),
    };
    names.iter().map(name).collect()
}

fn system(system_prompt: SystemRule) -> RequestRules {
    RequestRules {
        system_prompt,
        ..RequestRules::default()
    }
}

fn parameter(path: &str, condition: Condition) -> RequestRules {
    RequestRules {
        parameters: vec![Parameter {
            path: path.to_owned(),
            condition,
        }],
        ..RequestRules::default()
    }
}

fn number(text: &str) -> Option<Number> {
    Some(Number::new(text).unwrap())
}

fn bounds(minimum: &str, maximum: &str) -> Condition {
    Condition::Bounds(Bounds {
        minimum: number(minimum),
        maximum: number(maximum),
        ..Bounds::default()
    })
}

fn one_of(one_of: Vec<Scalar>) -> Condition {
    Condition::Bounds(Bounds {
        one_of,
        ..Bounds::default()
    })
}

fn required() -> Condition {
    Condition::Bounds(Bounds {
        required: true,
        ..Bounds::default()
    })
}

fn user(content: Value) -> Value {
    json!({"role": "user", "content": content})
}

fn chat(messages: Value) -> String {
    json!({"model": "smart", "messages": messages}).to_string()
}

/// Tools stand in name spaces, too.
#[test]
fn regression_tools_in_name_spaces_are_judged() {
    let tool = |name: &str| json!({"type": "function", "name": name});
    let body = json!({"input": "a", "tools": [tool("safe"),
        {"type": "namespace", "name": "n", "tools": [tool("delete_all")]}]});
    let deny = |name: &str| {
        let rule = tools(Tools::Deny(names(&[name])));
        broken(Api::Responses, &rule, &body.to_string())
    };
    assert_eq!(deny("delete_all"), "TOOLS 1");
    assert_eq!(deny("other"), "");
}

/// A search for tools brings more of them into a conversation.
#[test]
fn regression_tools_in_items_are_judged() {
    let judged = |kind: &str| {
        let tool = json!({"type": "function", "name": "delete_all"});
        let (kind, tools) = (
            format!(r#""type":"{kind}""#),
            format!(r#""tools":[{tool}]"#),
        );
        let deny = self::tools(Tools::Deny(names(&["delete_all"])));
        // What they are of may be said behind them.
        [[&kind, &tools], [&tools, &kind]].map(|[first, second]| {
            let body = format!(r#"{{"input":[{{{first},{second}}}]}}"#);
            broken(Api::Responses, &deny, &body)
        })
    };
    assert_eq!(judged("tool_search_output"), ["TOOLS 1", "TOOLS 1"]);
    assert_eq!(judged("additional_tools"), ["TOOLS 1", "TOOLS 1"]);
    // What a server has, once its own tool was offered.
    assert_eq!(judged("mcp_list_tools"), ["", ""]);
}

/// Prompts and inputs are one message or several; what their items are says whose they are.
#[test]
fn prompts_and_inputs_are_messages() {
    let item = |kind: &str| json!({"type": kind, "output": [{"type": "input_image"}]});
    for (api, body, messages, images, others) in [
        (Api::Completions, json!({"prompt": "a"}), 1, 0, 0),
        (Api::Completions, json!({"prompt": ["a", "b"]}), 2, 0, 0),
        (Api::Completions, json!({"prompt": [1, 2, 3]}), 0, 0, 0),
        (Api::Responses, json!({"input": "a"}), 1, 0, 0),
        (
            Api::Responses,
            json!({"input": "a", "previous_input_messages": [user(json!("a")), {"role": "tool"}]}),
            3,
            0,
            1,
        ),
        (
            Api::Responses,
            json!({"input": [user(json!("a")), {"role": "assistant", "content": "b"}]}),
            2,
            0,
            1,
        ),
        (
            Api::Responses,
            json!({"input": [user(json!([{"type": "input_image"}])), item("function_call_output")]}),
            2,
            2,
            1,
        ),
        (
            Api::Responses,
            json!({"instructions": "be brief", "input": [{"type": "reasoning"}]}),
            1,
            0,
            2,
        ),
    ] {
        let body = body.to_string();
        for (measure, is) in [(Measure::Messages, messages), (Measure::Images, images)] {
            assert_eq!(broken(api, &most(measure, is), &body), "", "{body}");
            if let Some(less) = u64::checked_sub(is, 1) {
                let name = measure.name().to_uppercase();
                assert_eq!(
                    broken(api, &most(measure, less), &body),
                    format!("{name} 1")
                );
            }
        }
        let told = broken(api, &roles(&["user"]), &body);
        let wanted = match others {
            0 => String::new(),
            others => format!("ROLES {others}"),
        };
        assert_eq!(told, wanted, "{body}");
        let forbidden = broken(api, &system(SystemRule::Forbidden), &body);
        assert_eq!(!forbidden.is_empty(), body.contains("brief"), "{body}");
    }
}

#[test]
fn measures_are_compared_with_their_bounds() {
    let body = chat(json!([
        user(json!("a")),
        user(json!("b")),
        user(json!("c"))
    ]));
    let length = u64::try_from(body.len()).unwrap();
    for api in [OPENAI, ANTHROPIC] {
        for (measure, is) in [(Measure::Bytes, length), (Measure::Messages, 3)] {
            assert_eq!(broken(api, &most(measure, is), &body), "");
            let name = measure.name().to_uppercase();
            let told = broken(api, &most(measure, is - 1), &body);
            assert_eq!(told, format!("{name} 1"));
        }
    }
    let verdict = judge(OPENAI, most(Measure::Bytes, 9), &body);
    let refusal = verdict.refusal().unwrap();
    assert_eq!(
        (refusal.kind, refusal.code, refusal.param.as_deref()),
        (ErrorKind::TooLarge, "request_not_allowed", None)
    );
    assert_eq!(
        refusal.message,
        "The guardrail 'rule7' wants at most 9 bytes in a request."
    );
    let verdict = judge(OPENAI, most(Measure::Messages, 2), &body);
    let refusal = verdict.refusal().unwrap();
    assert_eq!(
        (refusal.kind, refusal.param.as_deref()),
        (ErrorKind::Invalid, Some("messages"))
    );
}

#[test]
fn tokens_are_asked_for_once_and_only_where_they_matter() {
    let body = chat(json!([user(json!("a"))]));
    let about = |model: &str, tokens| RequestRules {
        models: vec![model.to_owned()],
        ..most(Measure::Tokens, tokens)
    };
    let rules = |rules: Vec<RequestRules>| {
        let list = rules.into_iter().map(|asks| rule(0, true, asks));
        Rules::new(list.collect())
    };
    let two = rules(vec![about("smart", 10), about("smart", 11), about("x", 1)]);
    let mut asked = 0;
    let tokens = || {
        asked += 1;
        Some(11)
    };
    let verdict = two.judge(OPENAI, body.as_bytes(), tokens).unwrap();
    let found: Vec<_> = verdict
        .found()
        .iter()
        .map(|one| one.what.as_str())
        .collect();
    assert_eq!((found, asked), (vec!["TOKENS"], 1));
    let other = rules(vec![about("x", 1), roles(&["user"])]);
    let verdict = other.judge(OPENAI, body.as_bytes(), || panic!("nobody asks"));
    assert_eq!(verdict, Ok(Verdict::default()));
}

#[test]
fn images_are_counted_wherever_they_stand() {
    let openai = |parts: Value| chat(json!([user(parts)]));
    let url = json!({"type": "image_url", "image_url": {"url": "https://a.example/b.png"}});
    let image = json!({"type": "image", "source": {"type": "base64", "data": "aGk="}});
    let result = json!({"type": "tool_result", "tool_use_id": "t", "content": [image, image]});
    let document = json!({"type": "document", "source": {"type": "content", "content": [image]}});
    for (api, body, images) in [
        (OPENAI, openai(json!("image_url")), 0),
        (
            OPENAI,
            openai(json!([{"type": "text", "text": "image"}])),
            0,
        ),
        (
            OPENAI,
            openai(json!([url, {"type": "text", "text": "a"}, url])),
            2,
        ),
        (
            OPENAI,
            openai(json!([{"image_url": "data:image/png;base64,aGk="}])),
            1,
        ),
        (
            OPENAI,
            openai(json!([{"type": "text", "image_url": null}])),
            0,
        ),
        (OPENAI, openai(json!([{"type": "input_image"}])), 1),
        (
            OPENAI,
            openai(json!([{"type": "im\u{61}ge_url", "image_url": 1}])),
            1,
        ),
        (ANTHROPIC, openai(json!([image])), 1),
        (ANTHROPIC, openai(json!([result, image])), 3),
        (ANTHROPIC, openai(json!([document])), 1),
        (ANTHROPIC, openai(json!(image)), 1),
    ] {
        assert_eq!(
            broken(api, &most(Measure::Images, images), &body),
            "",
            "{body}"
        );
        if images > 0 {
            let told = broken(api, &most(Measure::Images, images - 1), &body);
            assert_eq!(told, "IMAGES 1", "{body}");
        }
    }
}

#[test]
fn only_listed_roles_speak() {
    let said = |roles: &[Value]| {
        let messages = roles
            .iter()
            .map(|role| json!({"role": role, "content": "hi"}));
        chat(messages.collect())
    };
    let result = json!([{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]);
    for (api, allowed, body, wanted) in [
        (OPENAI, &["user"][..], said(&[json!("user")]), ""),
        (
            OPENAI,
            &["user"],
            said(&[json!("system"), json!("user"), json!("tool")]),
            "ROLES 2",
        ),
        (
            OPENAI,
            &["system", "user"],
            said(&[json!("developer"), json!("user")]),
            "ROLES 1",
        ),
        (OPENAI, &["user"], said(&[json!("User")]), "ROLES 1"),
        (OPENAI, &["user"], said(&[json!(null)]), "ROLES 1"),
        (
            OPENAI,
            &["user"],
            chat(json!([{"content": "hi"}, "hi", null])),
            "ROLES 3",
        ),
        (OPENAI, &["user"], chat(json!([user(result.clone())])), ""),
        (
            ANTHROPIC,
            &["user"],
            chat(json!([user(result.clone())])),
            "ROLES 1",
        ),
        (
            ANTHROPIC,
            &["user", "tool"],
            chat(json!([user(result)])),
            "",
        ),
        (
            ANTHROPIC,
            &["user"],
            json!({"system": "Be kind.", "messages": [user(json!("hi"))]}).to_string(),
            "ROLES 1",
        ),
        (
            ANTHROPIC,
            &["user"],
            json!({"system": "", "messages": [user(json!("hi"))]}).to_string(),
            "",
        ),
    ] {
        assert_eq!(broken(api, &roles(allowed), &body), wanted, "{body}");
    }
    let verdict = judge(OPENAI, roles(&["user", "tool"]), &said(&[json!("SECRET")]));
    assert_eq!(
        verdict.refusal().unwrap().message,
        "The guardrail 'rule7' wants no roles but these: user, tool."
    );
}

#[test]
fn tools_are_allowed_or_denied_by_name() {
    let openai = |name: &str| json!({"type": "function", "function": {"name": name}});
    let custom = json!({"type": "custom", "custom": {"name": "evil"}});
    let search = json!({"type": "web_search_20250305", "name": "web_search"});
    let with = |tools: Value| json!({"messages": [], "tools": tools}).to_string();
    let allow = || Tools::Allow(names(&["search", "get_*"]));
    let deny = || Tools::Deny(names(&["evil*"]));
    for (api, rule, body, wanted) in [
        (
            OPENAI,
            allow(),
            with(json!([openai("search"), openai("get_"), openai("get_x")])),
            "",
        ),
        (
            OPENAI,
            allow(),
            with(json!([
                openai("searches"),
                openai("et_x"),
                openai("search")
            ])),
            "TOOLS 2",
        ),
        (OPENAI, allow(), with(json!([custom])), "TOOLS 1"),
        (
            OPENAI,
            allow(),
            with(json!([{"type": "function", "function": {}}, null, 1])),
            "TOOLS 3",
        ),
        (OPENAI, allow(), with(json!(null)), ""),
        (OPENAI, allow(), with(json!([])), ""),
        (
            OPENAI,
            allow(),
            json!({"functions": [{"name": "evil"}]}).to_string(),
            "TOOLS 1",
        ),
        (
            OPENAI,
            allow(),
            json!({"functions": [{"name": "search"}]}).to_string(),
            "",
        ),
        // Some parsers ignore case, and some take the last of two.
        (
            OPENAI,
            deny(),
            with(json!([{"function": {"name": "good", "Name": "evil"}}])),
            "TOOLS 1",
        ),
        (
            OPENAI,
            deny(),
            with(json!([{"function": {"name": "good"}, "FUNCTION": {"name": "evil"}}])),
            "TOOLS 1",
        ),
        (
            OPENAI,
            deny(),
            r#"{"tools":[{"function":{"name":"evil","name":"good"}}]}"#.to_owned(),
            "TOOLS 1",
        ),
        (
            OPENAI,
            deny(),
            r#"{"tools":[{"function":{"n\u0061me":"\u0065vil"}}]}"#.to_owned(),
            "TOOLS 1",
        ),
        (
            OPENAI,
            deny(),
            with(json!([openai("good"), openai("evil"), openai("eviler")])),
            "TOOLS 2",
        ),
        (
            OPENAI,
            Tools::None,
            with(json!([openai("search")])),
            "TOOLS 1",
        ),
        (OPENAI, Tools::None, with(json!([])), ""),
        (
            OPENAI,
            Tools::None,
            json!({"web_search_options": {}}).to_string(),
            "TOOLS 1",
        ),
        (
            OPENAI,
            Tools::None,
            json!({"enable_search": false, "plugins": [], "mcp_servers": null}).to_string(),
            "",
        ),
        (
            OPENAI,
            Tools::Allow(names(&["web_search_options"])),
            json!({"web_search_options": {}}).to_string(),
            "",
        ),
        (
            ANTHROPIC,
            allow(),
            with(json!([{"name": "search"}, {"name": "evil"}])),
            "TOOLS 1",
        ),
        (ANTHROPIC, allow(), with(json!([search])), "TOOLS 1"),
        // A tool that the provider runs is allowed by its type as well.
        (
            ANTHROPIC,
            Tools::Allow(names(&["web_search"])),
            with(json!([search])),
            "TOOLS 1",
        ),
        (
            ANTHROPIC,
            Tools::Allow(names(&["web_search*"])),
            with(json!([search])),
            "",
        ),
        (
            ANTHROPIC,
            Tools::Deny(names(&["web_search"])),
            with(json!([search])),
            "TOOLS 1",
        ),
        (
            ANTHROPIC,
            Tools::None,
            json!({"mcp_servers": [{"name": "a"}]}).to_string(),
            "TOOLS 1",
        ),
    ] {
        assert_eq!(broken(api, &tools(rule), &body), wanted, "{body}");
    }
}

#[test]
fn a_system_prompt_can_be_demanded_or_forbidden() {
    let first = |role: &str, content: Value| {
        let message = json!({"role": role, "content": content});
        chat(json!([message, user(json!("hi"))]))
    };
    let late = chat(json!([user(json!("hi")), {"role": "system", "content": "Be kind."}]));
    let beside =
        |system: Value| json!({"messages": [user(json!("hi"))], "system": system}).to_string();
    // Whether it counts as said, and whether as there at all.
    for (api, body, says, any) in [
        (OPENAI, chat(json!([user(json!("hi"))])), false, false),
        (OPENAI, first("system", json!("Be kind.")), true, true),
        (OPENAI, first("developer", json!("Be kind.")), true, true),
        (OPENAI, first("assistant", json!("Be kind.")), false, false),
        (
            OPENAI,
            first("system", json!([{"type": "text", "text": "Be kind."}])),
            true,
            true,
        ),
        (OPENAI, first("system", json!(" \n")), false, true),
        (OPENAI, first("system", json!([])), false, true),
        (OPENAI, first("system", json!(null)), false, true),
        (OPENAI, late.clone(), true, true),
        (
            OPENAI,
            r#"{"messages":[{"content":"Be kind.","role":"system"}]}"#.to_owned(),
            true,
            true,
        ),
        (OPENAI, beside(json!("Be kind.")), false, false),
        (ANTHROPIC, beside(json!("Be kind.")), true, true),
        (
            ANTHROPIC,
            beside(json!([{"type": "text", "text": "Be kind."}])),
            true,
            true,
        ),
        (ANTHROPIC, beside(json!([])), false, false),
        (ANTHROPIC, beside(json!("")), false, false),
        (ANTHROPIC, beside(json!(null)), false, false),
        (ANTHROPIC, beside(json!("  ")), false, true),
        (ANTHROPIC, late, true, true),
    ] {
        let told = |broken: bool| if broken { "SYSTEM_PROMPT 1" } else { "" };
        let required = broken(api, &system(SystemRule::Required), &body);
        let forbidden = broken(api, &system(SystemRule::Forbidden), &body);
        assert_eq!(
            (required.as_str(), forbidden.as_str()),
            (told(!says), told(any)),
            "{body}"
        );
    }
}

#[test]
fn a_system_prompt_can_have_to_begin_so() {
    let wanted = "You are Zwexford's bot.";
    let parts = |texts: &[&str]| -> Value {
        let part = |text: &&str| json!({"type": "text", "text": text});
        texts.iter().map(part).collect()
    };
    let message = |role: &str, content: Value| json!({"role": role, "content": content});
    let longer = json!("You are Zwexford's bot. Today is Monday.");
    let ok = message("system", longer.clone());
    let hi = user(json!("hi"));
    let beside =
        |system: Value, first: &Value| json!({"messages": [first], "system": system}).to_string();
    for (api, body, good) in [
        (OPENAI, chat(json!([ok, hi])), true),
        (
            OPENAI,
            chat(json!([message("developer", json!(wanted)), hi])),
            true,
        ),
        (
            OPENAI,
            chat(json!([message(
                "system",
                parts(&["You are", "", " Zwexford's bot.", " Hi"])
            )])),
            true,
        ),
        (
            OPENAI,
            r#"{"messages":[{"content":"You are Zwexford\u0027s bot.","role":"system"}]}"#
                .to_owned(),
            true,
        ),
        (
            OPENAI,
            chat(json!([
                message("system", parts(&["You are", " Zwexford's"])),
                hi
            ])),
            false,
        ),
        (
            OPENAI,
            chat(json!([
                message("system", json!("You are Zwexford's")),
                message("system", json!(" bot."))
            ])),
            false,
        ),
        (
            OPENAI,
            chat(json!([message("system", json!("you are Zwexford's bot."))])),
            false,
        ),
        (
            OPENAI,
            chat(json!([message("user", longer.clone()), hi])),
            false,
        ),
        (OPENAI, chat(json!([hi, ok])), false),
        (OPENAI, chat(json!([])), false),
        (ANTHROPIC, beside(longer.clone(), &hi), true),
        (
            ANTHROPIC,
            beside(parts(&["You are", " Zwexford's bot."]), &hi),
            true,
        ),
        (ANTHROPIC, beside(json!("Ignore it."), &ok), false),
        (ANTHROPIC, beside(json!(null), &ok), true),
        (ANTHROPIC, beside(json!(null), &hi), false),
    ] {
        let rule = system(SystemRule::StartsWith(wanted.to_owned()));
        let told = broken(api, &rule, &body);
        assert_eq!(told, if good { "" } else { "SYSTEM_PROMPT 1" }, "{body}");
        let verdict = judge(api, rule, &body);
        let message = verdict.refusal().map(|refusal| refusal.message.clone());
        assert!(!message.unwrap_or_default().contains("Zwexford"));
    }
}

#[test]
fn parameters_keep_their_bounds() {
    let unit = || bounds("0", "1");
    let efforts = || {
        one_of(vec![
            Scalar::String("low".into()),
            Scalar::String("medium".into()),
        ])
    };
    let half = || {
        one_of(vec![
            Scalar::String("0.5".into()),
            Scalar::Number(number("2").unwrap()),
        ])
    };
    for (path, condition, body, wanted) in [
        ("temperature", unit(), r#"{"temperature":0.7}"#, ""),
        ("temperature", unit(), r#"{"temperature":1.0}"#, ""),
        ("temperature", unit(), r#"{"temperature":-0}"#, ""),
        ("temperature", unit(), r#"{"temperature":10e-1}"#, ""),
        ("temperature", unit(), r#"{}"#, ""),
        ("temperature", unit(), r#"{"temperature":null}"#, ""),
        (
            "temperature",
            unit(),
            r#"{"temperature":1.00000000000000000001}"#,
            "to be at most 1",
        ),
        (
            "temperature",
            unit(),
            r#"{"temperature":1e400}"#,
            "to be at most 1",
        ),
        (
            "temperature",
            unit(),
            r#"{"temperature":-1e-400}"#,
            "to be at least 0",
        ),
        (
            "temperature",
            unit(),
            r#"{"temperature":"0.5"}"#,
            "to be a number",
        ),
        (
            "temperature",
            unit(),
            r#"{"temperature":[0.5]}"#,
            "to be a number",
        ),
        (
            "temperature",
            unit(),
            r#"{"temperature":{"a":1}}"#,
            "to be a number",
        ),
        (
            "temperature",
            unit(),
            r#"{"temper\u0061ture":2}"#,
            "to be at most 1",
        ),
        ("temperature", unit(), r#"{"a":{"temperature":2}}"#, ""),
        (
            "temperature",
            unit(),
            r#"{"temperature":0.5,"temperature":0.5}"#,
            "to be there once, in this spelling",
        ),
        (
            "temperature",
            unit(),
            r#"{"temperature":0.5,"temperature":null}"#,
            "to be there once, in this spelling",
        ),
        (
            "temperature",
            unit(),
            r#"{"Temperature":0.5}"#,
            "to be there once, in this spelling",
        ),
        (
            "top_k",
            unit(),
            "{\"top_\u{212A}\":9}",
            "to be there once, in this spelling",
        ),
        ("seed", required(), r#"{"seed":1}"#, ""),
        ("seed", required(), r#"{"seed":[]}"#, ""),
        ("seed", required(), r#"{"seed":null}"#, "to be there"),
        ("seed", required(), r#"{}"#, "to be there"),
        (
            "stream",
            one_of(vec![Scalar::Bool(true)]),
            r#"{"stream":true}"#,
            "",
        ),
        (
            "stream",
            one_of(vec![Scalar::Bool(true)]),
            r#"{"stream":false}"#,
            "to be one of: true",
        ),
        (
            "stream",
            one_of(vec![Scalar::Bool(true)]),
            r#"{"stream":"true"}"#,
            "to be one of: true",
        ),
        ("stream", one_of(vec![Scalar::Bool(true)]), r#"{}"#, ""),
        ("x", half(), r#"{"x":0.50}"#, ""),
        ("x", half(), r#"{"x":"0.5"}"#, ""),
        ("x", half(), r#"{"x":2.0}"#, ""),
        ("x", half(), r#"{"x":"2"}"#, "to be one of: 0.5, 2"),
        ("x", one_of(vec![Scalar::Null]), r#"{"x":null}"#, ""),
        (
            "x",
            one_of(vec![Scalar::Null]),
            r#"{"x":0}"#,
            "to be one of: null",
        ),
        (
            "logit_bias",
            Condition::Absent,
            r#"{"logit_bias":{"1":2}}"#,
            "not to be there",
        ),
        (
            "logit_bias",
            Condition::Absent,
            r#"{"logit_bias":{}}"#,
            "not to be there",
        ),
        (
            "logit_bias",
            Condition::Absent,
            r#"{"logit_bias":false}"#,
            "not to be there",
        ),
        (
            "logit_bias",
            Condition::Absent,
            r#"{"Logit_Bias":{}}"#,
            "not to be there",
        ),
        (
            "logit_bias",
            Condition::Absent,
            r#"{"logit_bias":null}"#,
            "",
        ),
        ("logit_bias", Condition::Absent, r#"{"a":1}"#, ""),
        ("a.b.c", efforts(), r#"{"a":{"b":{"c":"low"}}}"#, ""),
        (
            "a.b.c",
            efforts(),
            r#"{"a":{"b":{"c":"l\u006fw","d":1},"c":"high"}}"#,
            "",
        ),
        (
            "a.b.c",
            efforts(),
            r#"{"a":{"b":{"c":"high"}}}"#,
            "to be one of: low, medium",
        ),
        ("a.b.c", efforts(), r#"{"a":{"b":"high"}}"#, ""),
        (
            "a.b.c",
            efforts(),
            r#"{"a":{"b":{}},"a":{"b":{"c":"high"}}}"#,
            "to be there once, in this spelling",
        ),
        (
            "a.b.c",
            efforts(),
            r#"{"A":{"b":{"c":"high"}}}"#,
            "to be there once, in this spelling",
        ),
        ("a.b.c", efforts(), r#"{"a.b.c":"high"}"#, ""),
    ] {
        let verdict = judge(OPENAI, parameter(path, condition), body);
        let found: Vec<&str> = verdict
            .found()
            .iter()
            .map(|one| one.what.as_str())
            .collect();
        let told = verdict.refusal().map(|refusal| {
            assert_eq!(
                (refusal.kind, refusal.code),
                (ErrorKind::Invalid, "request_not_allowed")
            );
            assert_eq!(refusal.param.as_deref(), Some(path));
            refusal.message.clone()
        });
        match wanted {
            "" => assert_eq!((found, told), (vec![], None), "{body}"),
            wanted => {
                assert_eq!(found, [format!("PARAMETER:{path}")], "{body}");
                let message = format!("The guardrail 'rule7' wants '{path}' {wanted}.");
                assert_eq!(told, Some(message), "{body}");
            }
        }
    }
}

#[test]
fn the_longest_answer_has_one_bound_by_all_its_names() {
    let bound = |required| {
        parameter(
            "max_tokens",
            Condition::Bounds(Bounds {
                required,
                maximum: number("100"),
                ..Bounds::default()
            }),
        )
    };
    for (body, wanted) in [
        (r#"{"max_tokens":100}"#, None),
        (r#"{"max_completion_tokens":100}"#, None),
        (r#"{"max_tokens":1,"max_completion_tokens":100}"#, None),
        (
            r#"{"max_completion_tokens":101}"#,
            Some("max_completion_tokens"),
        ),
        (
            r#"{"max_tokens":1,"max_completion_tokens":101}"#,
            Some("max_completion_tokens"),
        ),
        (
            r#"{"max_output_tokens":101,"max_tokens":1}"#,
            Some("max_output_tokens"),
        ),
        (r#"{}"#, Some("max_tokens")),
    ] {
        let verdict = judge(OPENAI, bound(true), body);
        let param = verdict
            .refusal()
            .and_then(|refusal| refusal.param.as_deref());
        assert_eq!(param, wanted, "{body}");
        let told: Vec<&str> = verdict
            .found()
            .iter()
            .map(|one| one.what.as_str())
            .collect();
        let broken: &[&str] = if wanted.is_some() {
            &["PARAMETER:max_tokens"]
        } else {
            &[]
        };
        assert_eq!(told, broken);
    }
    assert_eq!(broken(OPENAI, &bound(false), "{}"), "");
}

#[test]
fn regression_members_have_their_names_in_the_callers_api() {
    let param = |api, asks: RequestRules| {
        let verdict = judge(
            api,
            asks,
            "{\"input\":[{},{}],\"prompt\":[\"\",\"\"],\"messages\":[{},{}]}",
        );
        let refusal = verdict.refusal().unwrap();
        let param = refusal.param.clone().unwrap();
        let quoted = format!("'{param}'");
        assert!(!refusal.message.contains("'max_") || refusal.message.contains(&quoted));
        param
    };
    for (api, messages, bound) in [
        (Api::ChatCompletions, "messages", "max_tokens"),
        (Api::Completions, "prompt", "max_tokens"),
        (Api::Responses, "input", "max_output_tokens"),
        (Api::Messages, "messages", "max_tokens"),
    ] {
        assert_eq!(param(api, most(Measure::Messages, 1)), messages);
        assert_eq!(param(api, roles(&["nobody"])), messages);
        assert_eq!(param(api, parameter("max_tokens", required())), bound);
        assert_eq!(param(api, parameter("seed", required())), "seed");
    }
    let written = parameter("max_completion_tokens", required());
    assert_eq!(
        param(Api::ChatCompletions, written.clone()),
        "max_completion_tokens"
    );
    assert_eq!(param(Api::Messages, written), "max_tokens");
}

#[test]
fn all_that_is_broken_is_counted_and_the_first_that_blocks_is_told() {
    let asks = |messages| RequestRules {
        most: vec![(Measure::Bytes, 1), (Measure::Messages, messages)],
        system_prompt: SystemRule::Required,
        ..parameter("n", Condition::Absent)
    };
    let elsewhere = RequestRules {
        models: vec!["light".to_owned()],
        ..asks(0)
    };
    let rules = Rules::new(vec![
        rule(1, false, asks(0)),
        rule(2, true, elsewhere),
        rule(3, true, roles(&["tool"])),
        rule(4, true, asks(1)),
    ]);
    let body = json!({"n": 2, "messages": [user(json!("hi"))], "model": "smart"}).to_string();
    let verdict = rules.judge(OPENAI, body.as_bytes(), || None).unwrap();
    let found: Vec<String> = verdict
        .found()
        .iter()
        .map(|one| format!("{} {}", one.guardrail, one.what))
        .collect();
    assert_eq!(
        found,
        [
            "1 BYTES",
            "1 MESSAGES",
            "1 SYSTEM_PROMPT",
            "1 PARAMETER:n",
            "3 ROLES",
            "4 BYTES",
            "4 SYSTEM_PROMPT",
            "4 PARAMETER:n",
        ]
    );
    let refusal = verdict.refusal().unwrap();
    assert_eq!(
        (refusal.message.as_str(), refusal.detail.as_str()),
        (
            "The guardrail 'rule3' wants no roles but these: tool.",
            "rule3"
        )
    );
}

/// Rules of every kind.
fn all_rules() -> Rules {
    let every = RequestRules {
        most: Measure::ALL.map(|measure| (measure, 1)).to_vec(),
        roles: vec!["user".to_owned()],
        tools: Tools::Allow(names(&["role", "mes*"])),
        system_prompt: SystemRule::StartsWith("user".to_owned()),
        parameters: ["n", "n.name", "type.text", "max_tokens"]
            .map(|path| Parameter {
                path: path.to_owned(),
                condition: bounds("-1", "1.5"),
            })
            .to_vec(),
        ..RequestRules::default()
    };
    let other = RequestRules {
        models: vec!["user".to_owned()],
        system_prompt: SystemRule::Required,
        tools: Tools::None,
        ..RequestRules::default()
    };
    Rules::new(vec![rule(0, false, every), rule(1, true, other)])
}

fn arb_key() -> impl Strategy<Value = String> + Clone {
    let known = [
        "model",
        "messages",
        "role",
        "content",
        "type",
        "text",
        "name",
        "function",
        "functions",
        "tools",
        "system",
        "source",
        "image_url",
        "n",
        "N",
        "max_tokens",
        "custom",
        "plugins",
    ];
    proptest::sample::select(known.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(cases(500))]

    /// Whatever JSON it is: objects are judged, what is none is an error, and the way in which
    /// it is written is all the same.
    #[test]
    fn any_json_is_judged(value in arb_value(arb_key()), tape in arb_tape()) {
        let rules = all_rules();
        let written = render(&value, &mut Tape::new(tape), false);
        for api in Api::ALL {
            let plain = rules.judge(api, value.to_string().as_bytes(), || Some(2));
            let judged = rules.judge(api, written.as_bytes(), || Some(2));
            prop_assert_eq!(judged.is_ok(), value.is_object());
            prop_assert_eq!(plain.is_ok(), value.is_object());
            let without_size = |verdict: Result<Verdict, _>| {
                let verdict = verdict.unwrap_or_default();
                let found = verdict.found().iter().filter(|one| one.what != "BYTES");
                found.cloned().collect::<Vec<_>>()
            };
            prop_assert_eq!(without_size(plain), without_size(judged));
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in arb_string()) {
        for body in [bytes, text.into_bytes()] {
            for api in Api::ALL {
                if let Ok(verdict) = all_rules().judge(api, &body, || None) {
                    prop_assert!(serde_json::from_slice::<Value>(&body).unwrap().is_object());
                    prop_assert!(verdict.found().len() < 20);
                }
            }
        }
    }

    /// Nothing of a request is told, but the names that the policy has.
    #[test]
    fn nothing_of_a_request_is_told(role in "[A-Z]{9}", tool in "[A-Z]{9}", value in "[A-Z]{9}") {
        let body = json!({"messages": [{"role": role, "content": value}], "system": value,
            "tools": [{"name": tool}], "n": value, "max_tokens": value, "model": "user"});
        let body = body.to_string();
        for api in Api::ALL {
            for blocking in 0..2 {
                let mut list = all_rules().list().to_vec();
                list.swap(0, blocking);
                list[0].blocks = true;
                let verdict = Rules::new(list).judge(api, body.as_bytes(), || Some(9)).unwrap();
                let told = format!("{verdict:?}");
                for text in [&role, &tool, &value] {
                    prop_assert!(!told.contains(text.as_str()), "{}", told);
                }
            }
        }
    }
}
