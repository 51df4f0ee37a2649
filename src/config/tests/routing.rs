/*! Backends' variants, models, rules, fallback and cool-down. */

use super::*;
use crate::config::Strategy;
use crate::ledger::Price;
use crate::protocols::{Api, Protocol};

const ROUTED: &str = r#"{
  "backends": {
    "openai": {"cluster": "openai", "api": "openai", "max_tokens_field": "max_completion_tokens"},
    "claude": {"cluster": "anthropic", "api": "anthropic", "base_path": "/v1"},
    "azure": {"cluster": "azure", "api": "openai", "azure": {"api_version": "2024-10-21"}},
    "local": {"cluster": "vllm", "api": "openai", "remove_fields": ["stream_options", "store"], "max_tokens_field": "max_tokens"}
  },
  "models": {
    "smart": {
      "strategy": "weighted",
      "targets": [
        {"backend": "openai", "model": "gpt", "context": 400000, "max_output": "128000", "weight": 3, "price": {"input": 1.25, "cached_input": "0.125", "output": 10}},
        {"backend": "claude", "model": "sonnet", "price": {"input": "3", "output": "15"}},
        {"backend": "azure", "model": "gpt-eu", "weight": 4, "shadow": true}
      ],
      "timeouts": {"first_token": "20s", "whole": "2m", "total": "3m"},
      "attempts": 2,
      "answer_model": "virtual"
    },
    "light": {"targets": [{"backend": "local", "model": "llama"}]},
    "held": {"strategy": {"sticky": {"by": {"header": "X-Session-Id"}}}, "targets": [{"backend": "local", "model": "a"}, {"backend": "local", "model": "b", "weight": 2}]},
    "auto": {"rules": true}
  },
  "tenants": {
    "acme": {"tier": "premium", "models": ["smart", "light", "held", "auto"], "spiffe": ["spiffe://mesh/acme"]},
    "blue": {"models": ["light", "auto"], "spiffe": ["spiffe://mesh/blue"]}
  },
  "routing": [
    {"name": "long", "when": {"model": ["auto", "smart*"], "tier": "premium", "prompt_tokens": {"over": 1000, "under": "200000"}}, "use": "smart", "override": true},
    {"when": {"headers": {"X-Use-Case": ["batch", "bulk-*"], "x-debug": true}, "stream": false, "tools": true, "modality": "text", "user": "ann", "tenant": ["acme"], "max_output": {"over": 10}}, "use": "light"},
    {"when": {"model": "auto"}, "use": "held", "shadow": true},
    {"use": "light"}
  ],
  "fallback": {"attempts": 4, "content_policy": true},
  "cool_down": {"rate_limited": "15s", "failures": 5, "base": "1s", "max": "10m"}
}"#;

#[test]
fn targets_say_what_they_take_and_give() {
    let text = changed(
        r#""model": "llama""#,
        r#""model": "llama", "accepts": ["text", "image"], "gives": "text""#,
    );
    let target = Rc::clone(policy(&text).models["light"].first().unwrap());
    assert_eq!(target.accepts, Some(vec![Modality::Text, Modality::Image]));
    assert_eq!(target.gives, Some(vec![Modality::Text]));
    assert_eq!(
        policy(ROUTED).models["light"].first().unwrap().accepts,
        None
    );
    for (with, wanted) in [
        (
            r#""accepts": "video""#,
            "models.light.targets[0].accepts: \"video\" is none of",
        ),
        (
            r#""gives": "file""#,
            "models.light.targets[0].gives: \"file\" is none of",
        ),
    ] {
        let text = changed(
            r#""model": "llama""#,
            &format!(r#""model": "llama", {with}"#),
        );
        assert!(told(&text).contains(wanted), "{}", told(&text));
    }
    let chain = changed(
        r#"[{"backend": "local", "model": "llama"}]"#,
        r#"[{"backend": "local", "model": "llama", "accepts": "text"}, {"backend": "openai", "model": "b"}]"#,
    );
    assert_eq!(told(&chain), "");
    let chain = chain.replace(r#""cluster": "vllm""#, r#""cluster": "openai""#);
    assert!(
        told(&chain).contains("must have the same accepts"),
        "{}",
        told(&chain)
    );
    // In any order.
    let alike = chain.replace(r#""accepts": "text""#, r#""accepts": ["text", "image"]"#);
    let alike = alike.replace(
        r#""model": "b""#,
        r#""model": "b", "accepts": ["image", "text"]"#,
    );
    assert_eq!(told(&alike), "");
}

fn changed(old: &str, new: &str) -> String {
    assert!(ROUTED.contains(old), "{old}");
    ROUTED.replacen(old, new, 1)
}

fn policy(text: &str) -> Policy {
    assert_eq!(told(text), "");
    from_plugin_bytes(text.as_bytes()).unwrap()
}

fn exact(text: &str) -> Pattern {
    Pattern::Exact(text.to_owned())
}

fn prefix(text: &str) -> Pattern {
    Pattern::Prefix(text.to_owned())
}

#[test]
fn a_backend_has_all_apis_of_its_protocol_unless_it_says_which() {
    use Api::{ChatCompletions, Completions, Messages, Responses};
    let all = policy(ROUTED);
    let [openai, claude, ..] = all.backends.as_slice() else {
        panic!()
    };
    for (caller, by_openai, by_claude) in [
        (ChatCompletions, Some(ChatCompletions), Some(Messages)),
        (Messages, Some(ChatCompletions), Some(Messages)),
        (Completions, Some(Completions), None),
        (Responses, Some(Responses), Some(Messages)),
    ] {
        assert_eq!(openai.asked_by(caller), by_openai, "{caller:?}");
        assert_eq!(claude.asked_by(caller), by_claude, "{caller:?}");
    }
    let some = changed(
        r#"{"cluster": "openai","#,
        r#"{"apis": ["responses"], "cluster": "openai","#,
    );
    let some = policy(&some);
    let asked_by = |caller| some.backends[0].asked_by(caller);
    assert_eq!(some.backends[0].apis, [Responses]);
    for caller in [ChatCompletions, Messages, Responses] {
        assert_eq!(asked_by(caller), Some(Responses));
    }
    assert_eq!(asked_by(Completions), None);
    let chat = changed(
        r#"{"cluster": "openai","#,
        r#"{"apis": ["completions", "chat_completions"], "cluster": "openai","#,
    );
    let chat = policy(&chat);
    assert_eq!(chat.backends[0].asked_by(Responses), Some(ChatCompletions));
    let gemini = changed(
        r#""api": "anthropic", "base_path": "/v1""#,
        r#""api": "gemini""#,
    );
    let gemini = policy(&gemini);
    let gemini = &gemini.backends[1];
    assert_eq!(
        (gemini.protocol, gemini.base_path.as_str()),
        (Protocol::Gemini, "/v1beta")
    );
    for caller in [ChatCompletions, Messages, Responses] {
        assert_eq!(gemini.asked_by(caller), Some(Api::GenerateContent));
    }
    for caller in [Completions, Api::CountTokens, Api::Embeddings] {
        assert_eq!(gemini.asked_by(caller), None);
    }
    let bedrock = changed(
        r#""api": "anthropic", "base_path": "/v1""#,
        r#""api": "bedrock""#,
    );
    let bedrock = policy(&bedrock);
    let bedrock = &bedrock.backends[1];
    assert_eq!(
        (bedrock.protocol, bedrock.base_path.as_str()),
        (Protocol::Bedrock, "")
    );
    for (caller, api) in [(Messages, Some(Api::Converse)), (Api::Embeddings, None)] {
        assert_eq!(bedrock.asked_by(caller), api);
    }
}

#[test]
fn variants_of_backends() {
    let policy = policy(ROUTED);
    let [openai, claude, azure, local] = policy.backends.as_slice() else {
        panic!()
    };
    assert_eq!(openai.max_tokens_field, MaxTokensField::MaxCompletionTokens);
    assert_eq!(openai.azure_api_version, None);
    assert_eq!(
        (claude.protocol, claude.base_path.as_str()),
        (Protocol::Anthropic, "/v1")
    );
    assert_eq!(claude.max_tokens_field, MaxTokensField::AsSent);
    assert_eq!(azure.azure_api_version.as_deref(), Some("2024-10-21"));
    assert_eq!(azure.base_path, "", "Azure's paths begin at the root");
    assert_eq!(local.remove_fields, ["stream_options", "store"]);
    assert_eq!(local.max_tokens_field, MaxTokensField::MaxTokens);
    let text = changed(
        r#"{"cluster": "azure", "#,
        r#"{"cluster": "azure", "base_path": "/eu", "#,
    );
    assert_eq!(self::policy(&text).backends[2].base_path, "/eu");
}

#[test]
fn regression_a_name_with_the_operators_account_is_not_told() {
    for (model, told) in [
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/x",
            AnswerModel::Virtual,
        ),
        ("projects/p/locations/l/endpoints/1", AnswerModel::Virtual),
        ("llama", AnswerModel::Provider),
    ] {
        let text = ROUTED.replace(r#""model": "llama""#, &format!(r#""model": "{model}""#));
        assert_eq!(policy(&text).models["light"].answer_model, told, "{model}");
        let text = text.replace(r#""light": {"#, r#""light": {"answer_model": "provider", "#);
        let asked = policy(&text).models["light"].answer_model;
        assert_eq!(asked, AnswerModel::Provider, "{model}");
    }
}

#[test]
fn models_and_targets() {
    let policy = policy(ROUTED);
    let smart = &policy.models["smart"];
    assert_eq!(smart.strategy, Strategy::Weighted);
    assert_eq!(
        smart.timeouts,
        Timeouts {
            first_token_ms: 20_000,
            whole_ms: 120_000,
            total_ms: 180_000
        }
    );
    assert_eq!(
        (smart.attempts, smart.answer_model),
        (Some(2), AnswerModel::Virtual)
    );
    let Resolve::Targets(targets) = &smart.resolve else {
        panic!()
    };
    assert_eq!(targets.live.turns, [0, 0, 1, 0]);
    let [gpt, sonnet] = targets.live.targets.as_slice() else {
        panic!()
    };
    assert!(Rc::ptr_eq(smart.first().unwrap(), gpt));
    assert_eq!(
        (gpt.key.as_str(), gpt.context, gpt.max_output, gpt.weight),
        ("openai/gpt", Some(400_000), Some(128_000), 3)
    );
    assert_eq!(
        gpt.price,
        Some(Price {
            cached_input: 125_000,
            ..Price::flat(1_250_000, 10_000_000)
        })
    );
    let price = sonnet.price.unwrap();
    assert_eq!(price.cached_input, price.input, "never free");
    assert_eq!((sonnet.weight, sonnet.context), (1, None));
    let all = targets.with_shadow.as_ref().unwrap();
    let shadows: Vec<bool> = all.targets.iter().map(|target| target.shadow).collect();
    assert_eq!(shadows, [false, false, true]);
    assert_eq!(all.turns.len(), 8);

    let light = &policy.models["light"];
    assert_eq!(light.strategy, Strategy::Priority);
    assert_eq!(light.timeouts, Timeouts::default());
    assert_eq!(
        (light.attempts, light.answer_model),
        (None, AnswerModel::Provider)
    );
    let held = &policy.models["held"].strategy;
    assert_eq!(
        *held,
        Strategy::Sticky(StickyBy::Header("x-session-id".to_owned()))
    );
    assert_eq!(policy.models["auto"].resolve, Resolve::Rules);
    assert!(policy.models["auto"].first().is_none());
}

#[test]
fn strategies() {
    for (written, wanted) in [
        (r#""priority""#, Strategy::Priority),
        (r#""fastest""#, Strategy::Fastest),
        (
            r#"{"sticky": {"by": "user"}}"#,
            Strategy::Sticky(StickyBy::User),
        ),
        (
            r#"{"sticky": {"by": "tenant"}}"#,
            Strategy::Sticky(StickyBy::Tenant),
        ),
    ] {
        let light = format!(r#""light": {{"strategy": {written}, "#);
        let policy = policy(&changed(r#""light": {"#, &light));
        assert_eq!(policy.models["light"].strategy, wanted, "{written}");
    }
}

#[test]
fn timeouts_that_are_not_told_fit_those_that_are() {
    let light = r#""light": {"timeouts": {"total": "40s"}, "#;
    let policy = policy(&changed(r#""light": {"#, light));
    assert_eq!(
        policy.models["light"].timeouts,
        Timeouts {
            first_token_ms: 40_000,
            whole_ms: 40_000,
            total_ms: 40_000
        }
    );
    let short = r#""cool_down": {"max": "2s"}"#;
    let text = changed(
        r#""cool_down": {"rate_limited": "15s", "failures": 5, "base": "1s", "max": "10m"}"#,
        short,
    );
    assert_eq!(
        self::policy(&text).cool_down,
        CoolDown {
            rate_limited_ms: 2_000,
            failures: 3,
            base_ms: 2_000,
            max_ms: 2_000
        }
    );
}

#[test]
fn rules() {
    let policy = policy(ROUTED);
    let [long, bulk, shadow, rest] = policy.routing.list.as_slice() else {
        panic!()
    };
    assert_eq!(
        (long.name.as_str(), long.overrides, long.shadow),
        ("long", true, false)
    );
    assert!(Rc::ptr_eq(&long.model, &policy.models["smart"]));
    assert_eq!(
        long.when,
        [
            Condition::Model(vec![exact("auto"), prefix("smart")]),
            Condition::Tier(vec!["premium".to_owned()]),
            Condition::PromptTokens(Range {
                over: Some(1000),
                under: Some(200_000)
            }),
        ]
    );
    assert_eq!((bulk.name.as_str(), bulk.overrides), ("rule-1", false));
    assert_eq!(
        bulk.when,
        [
            Condition::Tenant(vec!["acme".to_owned()]),
            Condition::User(vec!["ann".to_owned()]),
            Condition::Headers(vec![
                (
                    "x-use-case".to_owned(),
                    HeaderIs::OneOf(vec![exact("batch"), prefix("bulk-")])
                ),
                ("x-debug".to_owned(), HeaderIs::Present(true)),
            ]),
            Condition::Stream(false),
            Condition::MaxOutput(Range {
                over: Some(10),
                under: None
            }),
            Condition::Tools(true),
            Condition::Modality(vec![Modality::Text]),
        ]
    );
    assert!(shadow.shadow);
    assert_eq!(
        rest.when,
        [],
        "applies to all calls of models without targets"
    );
    assert_eq!(
        policy.routing.headers,
        ["x-debug", "x-session-id", "x-use-case"]
    );
}

#[test]
fn fallback_and_cool_down() {
    let policy = policy(ROUTED);
    assert_eq!(
        policy.fallback,
        Some(Fallback {
            attempts: 4,
            content_policy: true
        })
    );
    assert_eq!(
        policy.cool_down,
        CoolDown {
            rate_limited_ms: 15_000,
            failures: 5,
            base_ms: 1_000,
            max_ms: 600_000
        }
    );
    let policy = self::policy(GOOD);
    assert_eq!(policy.fallback, None);
    assert_eq!(policy.cool_down, CoolDown::default());
    assert_eq!(policy.routing, Rules::default());
    let text = changed(
        r#"{"attempts": 4, "content_policy": true}"#,
        r#"{"attempts": "3.0"}"#,
    );
    assert_eq!(
        told(&text),
        "fallback.attempts: must be a whole number from 1 to 10\n"
    );
    let text = changed(r#"{"attempts": 4, "content_policy": true}"#, "{}");
    let fallback = self::policy(&text).fallback.unwrap();
    assert_eq!((fallback.attempts, fallback.content_policy), (3, false));
}

#[test]
fn prices_of_every_kind() {
    let price = r#"{"input": 1.25, "cached_input": 0.125, "cache_write": "1.5625", "cache_write_1h": 2.6, "output": 10, "reasoning": 11,
        "audio_input": 40, "audio_output": 80, "image_input": 2.5, "request": 0.001, "second": "0.0001", "characters": 15, "image": 0.04}"#;
    let old = r#"{"input": 1.25, "cached_input": "0.125", "output": 10}"#;
    let policy = policy(&changed(old, price));
    let gpt = policy.models["smart"].first().unwrap();
    let wanted = Price {
        input: 1_250_000,
        cached_input: 125_000,
        cache_write: 1_562_500,
        cache_write_1h: 2_600_000,
        audio_input: 40_000_000,
        image_input: 2_500_000,
        output: 10_000_000,
        reasoning: 11_000_000,
        audio_output: 80_000_000,
        request: 1_000_000,
        second: 100_000,
        character: 15_000_000,
        image: 40_000_000,
    };
    assert_eq!(gpt.price, Some(wanted));
}

#[test]
fn what_a_price_does_not_tell_is_never_free() {
    let price = Price::flat(5, 7);
    let wanted = Price {
        input: 5,
        cached_input: 5,
        // 6.25, rounded up.
        cache_write: 7,
        cache_write_1h: 10,
        audio_input: 5,
        image_input: 5,
        output: 7,
        reasoning: 7,
        audio_output: 7,
        request: 0,
        ..Price::FREE
    };
    assert_eq!(price, wanted);
    let dearest = Price::flat(u64::MAX, u64::MAX);
    assert_eq!(
        (dearest.cache_write, dearest.cache_write_1h),
        (u64::MAX, u64::MAX)
    );
}

#[test]
fn the_default_price_is_for_targets_without_one() {
    let text = changed(
        "\"tenants\"",
        r#""default_price": {"input": 10, "output": 30, "cached_input": 1}, "tenants""#,
    );
    let default = Price {
        cached_input: 1_000_000,
        ..Price::flat(10_000_000, 30_000_000)
    };
    let policy = policy(&text);
    let Resolve::Targets(smart) = &policy.models["smart"].resolve else {
        panic!()
    };
    let all = smart.with_shadow.as_ref().unwrap().targets.iter();
    let prices: Vec<u64> = all.map(|target| target.price.unwrap().input).collect();
    assert_eq!(prices, [1_250_000, 3_000_000, 10_000_000]);
    let llama = policy.models["light"].first().unwrap();
    assert_eq!(llama.price, Some(default));
    // So nothing is missing for `cheapest` either.
    let cheapest = text.replace(
        r#""light": {"targets""#,
        r#""light": {"strategy": "cheapest", "targets""#,
    );
    assert_eq!(told(&cheapest), "");
}

#[test]
fn every_problem_of_routing_is_told_with_its_path() {
    const AUTO: &str = r#""auto": {"rules": true}"#;
    const LIGHT: &str = r#""light": {"targets""#;
    const LAST: &str = r#"{"use": "light"}"#;
    const COOL: &str = r#""rate_limited": "15s""#;
    const USD: &str =
        "is no price; write USD for a million tokens, from 0 to 1000000, with up to 6 decimals\n";
    let table = [
        // Backends
        (
            r#""api": "anthropic","#,
            r#""api": "anthropic", "azure": {"api_version": "1"}, "remove_fields": ["a"], "max_tokens_field": "max_tokens","#,
            "backends.claude.azure: needs api: openai\n\
             backends.claude.remove_fields[0]: needs api: openai\n\
             backends.claude.max_tokens_field: needs api: openai\n"
                .to_owned(),
        ),
        (
            r#""api": "anthropic","#,
            r#""api": "anthropic", "apis": ["responses"],"#,
            "backends.claude.apis: needs api: openai\n".to_owned(),
        ),
        (
            r#""api": "anthropic","#,
            r#""api": "gemini", "apis": ["responses"],"#,
            "backends.claude.apis: needs api: openai\n".to_owned(),
        ),
        (
            r#"{"cluster": "openai","#,
            r#"{"apis": [], "cluster": "openai","#,
            "backends.openai.apis: must not be an empty list\n".to_owned(),
        ),
        (
            r#"{"cluster": "openai","#,
            r#"{"apis": ["responses", "messages", "response", "responses"], "cluster": "openai","#,
            "backends.openai.apis[1]: \"messages\" is none of: chat_completions, completions, responses, embeddings, moderations, speech, transcriptions, translations, image_generations, image_edits, image_variations\n\
             backends.openai.apis[2]: \"response\" is none of: chat_completions, completions, responses, embeddings, moderations, speech, transcriptions, translations, image_generations, image_edits, image_variations (did you mean \"responses\"?)\n\
             backends.openai.apis[3]: \"responses\" stands twice\n"
                .to_owned(),
        ),
        (r#"{"api_version": "2024-10-21"}"#, "{}", "backends.azure.azure.api_version: is missing\n".to_owned()),
        (r#""2024-10-21""#, r#""1&x=2""#,
            "backends.azure.azure.api_version: must be a version such as 2024-10-21\n".to_owned()),
        (r#""gpt-eu""#, r#""gpt/eu""#,
            "models.smart.targets[2].model: a deployment's name has letters, digits and - . _ ~\n".to_owned()),
        (r#""gpt-eu""#, r#""..""#,
            "models.smart.targets[2].model: a deployment's name has letters, digits and - . _ ~\n".to_owned()),
        (r#"["stream_options", "store"]"#, r#"["store", "stream", "store", 1]"#,
            "backends.local.remove_fields[1]: \"stream\" can't be left out\n\
             backends.local.remove_fields[2]: \"store\" stands twice\n\
             backends.local.remove_fields[3]: must be a string, not a number\n".to_owned()),
        (r#"["stream_options", "store"]"#, r#"["max_tokens"]"#,
            "backends.local.remove_fields[0]: is what max_tokens_field says to use\n".to_owned()),
        (r#""max_tokens_field": "max_tokens""#, r#""max_tokens_field": "max_token""#,
            "backends.local.max_tokens_field: \"max_token\" is none of: max_tokens, max_completion_tokens (did you mean \"max_tokens\"?)\n".to_owned()),
        // Models
        (AUTO, r#""auto": {"rules": "yes"}"#,
            "models.auto.rules: must be true or false, not a string\nmodels.auto.targets: is missing\n".to_owned()),
        (AUTO, r#""auto": {"rules": false}"#, "models.auto.targets: is missing\n".to_owned()),
        (AUTO, r#""auto": {"rules": true, "attempts": 1, "targets": []}"#,
            "models.auto.targets: has no meaning with rules: true\n\
             models.auto.attempts: has no meaning with rules: true\n".to_owned()),
        (LIGHT, r#""light": {"strategy": "fast", "targets""#,
            "models.light.strategy: \"fast\" is none of: priority, weighted, cheapest, fastest\n".to_owned()),
        (LIGHT, r#""light": {"strategy": "sticky", "targets""#,
            "models.light.strategy: needs a key: write { sticky: { by: user } }\n".to_owned()),
        (LIGHT, r#""light": {"strategy": {"sticky": {}}, "targets""#,
            "models.light.strategy.sticky.by: is missing\n".to_owned()),
        (LIGHT, r#""light": {"strategy": {"sticky": {"by": "session"}}, "targets""#,
            "models.light.strategy.sticky.by: must be user, tenant, or { header: NAME }\n".to_owned()),
        (LIGHT, r#""light": {"strategy": {"sticky": {"by": {"header": "authorization"}}}, "targets""#,
            "models.light.strategy.sticky.by.header: is a header that has another meaning\n".to_owned()),
        (LIGHT, r#""light": {"timeouts": {"whole": "11m", "first_token": "20"}, "targets""#,
            "models.light.timeouts.first_token: \"20\" is no time; write 500ms, 20s, 5m or 1h\n\
             models.light.timeouts.whole: must not be longer than total (10m by default)\n".to_owned()),
        (LIGHT, r#""light": {"timeouts": {"total": "25h", "whole": 3}, "targets""#,
            "models.light.timeouts.whole: must be a time such as 20s, not a number\n\
             models.light.timeouts.total: must be between 1ms and 24h\n".to_owned()),
        (LIGHT, r#""light": {"attempts": 11, "targets""#,
            "models.light.attempts: must be a whole number from 1 to 10\n".to_owned()),
        (LIGHT, r#""light": {"answer_model": "own", "targets""#,
            "models.light.answer_model: \"own\" is none of: provider, virtual\n".to_owned()),
        (r#""model": "llama""#, r#""model": "llama", "weight": 2"#,
            "models.light.targets[0].weight: needs strategy weighted or sticky\n".to_owned()),
        (r#""model": "llama""#, r#""model": "llama", "shadow": true"#,
            "models.light.targets: at least one target must not be a shadow\n".to_owned()),
        (r#""weight": 3"#, r#""weight": 0"#,
            "models.smart.targets[0].weight: must be a whole number from 1 to 1000\n".to_owned()),
        (r#""max_output": "128000""#, r#""max_output": 400001"#,
            "models.smart.targets[0].max_output: must not be larger than context\n".to_owned()),
        (r#""context": 400000"#, r#""context": -1"#,
            "models.smart.targets[0].context: must be a whole number from 1 to 1000000000\n".to_owned()),
        (r#""input": 1.25"#, r#""input": 0.0000001"#, format!("models.smart.targets[0].price.input: \"0.0000001\" {USD}")),
        (r#""input": 1.25"#, r#""input": "-1""#, format!("models.smart.targets[0].price.input: \"-1\" {USD}")),
        (r#""input": 1.25"#, r#""input": "1e3""#, format!("models.smart.targets[0].price.input: \"1e3\" {USD}")),
        (r#""input": 1.25"#, r#""input": true"#,
            "models.smart.targets[0].price.input: must be USD for a million tokens, such as 1.25, not a boolean\n".to_owned()),
        (r#""input": 1.25"#, r#""input": 1.25, "request": "0.0000000001""#,
            "models.smart.targets[0].price.request: \"0.0000000001\" is no price; write USD for a request, from 0 to 1000000, with up to 9 decimals\n".to_owned()),
        (r#""input": 1.25"#, r#""input": 1.25, "request": []"#,
            "models.smart.targets[0].price.request: must be USD for a request, such as 0.001, not a list\n".to_owned()),
        (r#""input": 1.25"#, r#""input": 1.25, "cache_write1h": 2"#,
            "models.smart.targets[0].price.cache_write1h: unknown field (did you mean \"cache_write_1h\"?)\n".to_owned()),
        (r#""tenants""#, r#""default_price": {"input": 1}, "tenants""#, "default_price.output: is missing\n".to_owned()),
        (r#""tenants""#, r#""default_price": 7, "tenants""#, "default_price: must be a map, not a number\n".to_owned()),
        (r#", "output": "15""#, "", "models.smart.targets[1].price.output: is missing\n".to_owned()),
        (LIGHT, r#""light": {"strategy": "cheapest", "targets""#,
            "warning: models.light.targets[0]: has no price: it comes after those with one\n".to_owned()),
        // Rules
        (LAST, r#"{"use": "lihgt"}"#, "routing[3].use: no model \"lihgt\" (did you mean \"light\"?)\n".to_owned()),
        (LAST, r#"{"use": "auto"}"#,
            "routing[3].use: rules resolve that one: name a model that has targets\n".to_owned()),
        (LAST, r#"{"when": {}, "use": "light"}"#,
            "routing[3].when: must not be empty; without it, a rule always applies\n".to_owned()),
        (LAST, r#"{"when": {"modle": "auto"}, "use": "light"}"#,
            "routing[3].when.modle: unknown field (did you mean \"model\"?)\n".to_owned()),
        (LAST, r#"{"when": {"model": ["auto", "smrt", "a*b"]}, "use": "light"}"#,
            "routing[3].when.model[2]: may have a * at its end only\n".to_owned()),
        (LAST, r#"{"when": {"model": ["auto", "smrt"]}, "use": "light"}"#,
            "routing[3].when.model: no model \"smrt\" (did you mean \"smart\"?)\n".to_owned()),
        (LAST, r#"{"when": {"tenant": "acm"}, "use": "light"}"#,
            "routing[3].when.tenant: no tenant \"acm\" (did you mean \"acme\"?)\n".to_owned()),
        (LAST, r#"{"when": {"prompt_tokens": {}, "max_output": {"over": 5, "under": 6}}, "use": "light"}"#,
            "routing[3].when.prompt_tokens: must have over, under, or both\n\
             routing[3].when.max_output: no number is between these\n".to_owned()),
        (LAST, r#"{"when": {"prompt_tokens": {"under": 0}}, "use": "light"}"#,
            "routing[3].when.prompt_tokens: no number is between these\n".to_owned()),
        (LAST, r#"{"when": {"headers": {"x-a": 1, "X-B": [], "x-b": "1", "a b": true}}, "use": "light"}"#,
            "routing[3].when.headers.x-a: must be a string, not a number\n\
             routing[3].when.headers.X-B: must not be an empty list\n\
             routing[3].when.headers.x-b: the header stands twice\n\
             routing[3].when.headers.\"a b\": is no header name\n".to_owned()),
        (LAST, r#"{"when": {"modality": ["text", "video"]}, "use": "light"}"#,
            "routing[3].when.modality[1]: \"video\" is none of: text, image, audio, file\n".to_owned()),
        (LAST, r#"{"name": "long", "use": "light"}"#, "routing[3].name: \"long\" names another rule\n".to_owned()),
        (LAST, r#"{"when": {"model": "auto"}}"#, "routing[3].use: is missing\n".to_owned()),
        (LAST, r#"{"use": "light", "shadow": true}"#, String::new()),
        // What rules leave out
        (AUTO, r#""auto": {"rules": true}, "other-auto": {"rules": true}"#, String::new()),
        (r#"[
    {"name": "long""#, r#"[{"use": "light"}, {"name": "long""#,
            "warning: routing[2]: never reached: routing[0] applies to all of its calls\n\
             warning: routing[3]: never reached: routing[0] applies to all of its calls\n\
             warning: routing[4]: never reached: routing[0] applies to all of its calls\n".to_owned()),
        (LAST, r#"{"use": "light"}, {"when": {"tier": "gold"}, "use": "light"}"#,
            "warning: routing[4].when.tier: no tenant is of tier \"gold\"\n\
             warning: routing[4]: never reached: routing[3] applies to all of its calls\n".to_owned()),
        (LAST, r#"{"when": {"model": "smart"}, "use": "light"}, {"use": "light"}"#,
            "warning: routing[3]: never applies: no model of its calls is resolved by rules; \
             override: true applies it to models that have targets\n".to_owned()),
        (LAST, r#"{"when": {"model": "gpt-*"}, "use": "light", "override": true}, {"use": "light"}"#,
            "warning: routing[3].when.model: no model begins with \"gpt-\"\n\
             warning: routing[3]: never applies: no model of its calls is resolved by rules; \
             override: true applies it to models that have targets\n".to_owned()),
        (LAST, r#"{"use": "smart"}"#,
            "warning: routing[3]: calls of tenant \"blue\" are refused: it may not use \"smart\"\n".to_owned()),
        // Fallback and cool-down
        (r#""attempts": 4"#, r#""attempts": 0"#, "fallback.attempts: must be a whole number from 1 to 10\n".to_owned()),
        (r#""attempts": 4"#, r#""atempts": 4"#, "fallback.atempts: unknown field (did you mean \"attempts\"?)\n".to_owned()),
        (r#""content_policy": true"#, r#""content_policy": 1"#,
            "fallback.content_policy: must be true or false, not a number\n".to_owned()),
        (COOL, r#""rate_limited": "11m""#,
            "cool_down.rate_limited: must not be longer than max\n".to_owned()),
        (r#""failures": 5"#, r#""failures": 0"#,
            "cool_down.failures: must be a whole number from 1 to 1000\n".to_owned()),
    ];
    for (old, new, wanted) in table {
        assert_eq!(told(&changed(old, new)), wanted, "{old} -> {new}");
    }
}

#[test]
fn a_model_that_no_rule_resolves_is_an_error() {
    let none = r#"{"when": {"model": "held"}, "use": "light", "override": true}"#;
    let text = changed(r#"{"use": "light"}"#, none);
    // The first rule covers auto still, for tenants of one tier.
    assert_eq!(told(&text), "");
    let text = text.replacen(r#"["auto", "smart*"]"#, r#""smart*""#, 1);
    let text = text.replacen(
        r#""when": {"headers""#,
        r#""when": {"model": "smart", "headers""#,
        1,
    );
    let report = told(&text);
    let wanted = "models.auto: no rule of routing resolves it\n";
    assert!(
        report.starts_with(wanted),
        "a shadow rule resolves nothing: {report}"
    );
    let text = r#"{
      "backends": {"b": {"cluster": "c", "api": "openai"}},
      "models": {"auto": {"rules": true}},
      "tenants": {"t": {"models": ["auto"], "spiffe": ["spiffe://mesh/t"]}}
    }"#;
    assert_eq!(told(text), wanted);
}

#[test]
fn a_rule_that_is_not_understood_hides_nothing_and_starves_nothing() {
    let text = changed(
        r#"[
    {"name": "long""#,
        r#"[{"when": {"stream": 1}, "use": "light"}, {"name": "long""#,
    );
    assert_eq!(
        told(&text),
        "routing[0].when.stream: must be true or false, not a number\n"
    );
    let broken = changed(r#""model": "llama""#, r#""model": 7"#);
    assert_eq!(
        told(&broken),
        "models.light.targets[0].model: must be a string, not a number\n"
    );
}

#[test]
fn weights_have_a_bound() {
    let target = |weight| format!(r#"{{"backend": "local", "model": "m", "weight": {weight}}}"#);
    let mut targets: Vec<String> = (0..11).map(|_| target(997)).collect();
    targets.push(target(1));
    let light = format!(
        r#""light": {{"strategy": "weighted", "targets": [{}], "x": ["#,
        targets.join(",")
    );
    let text = changed(r#""light": {"targets": ["#, &light).replacen(
        r#", "x": [{"backend": "local", "model": "llama"}]"#,
        "",
        1,
    );
    assert_eq!(
        told(&text),
        "models.light.targets: the weights, in lowest terms, add up to more than 10000\n"
    );
    let many = vec![target(1); 65].join(",");
    let text = changed(
        r#"[{"backend": "local", "model": "llama"}]"#,
        &format!("[{many}]"),
    );
    assert!(told(&text).starts_with("models.light.targets: must not have more than 64 targets\n"));
}

#[test]
fn what_covers_what() {
    let range = |over, under| Condition::PromptTokens(Range { over, under });
    let headers = |is| Condition::Headers(vec![("x-a".to_owned(), is)]);
    let one_of = |pattern| headers(HeaderIs::OneOf(vec![pattern]));
    for (wide, narrow) in [
        (range(Some(5), None), range(Some(5), Some(9))),
        (range(None, Some(9)), range(Some(5), Some(8))),
        (headers(HeaderIs::Present(true)), one_of(exact("v"))),
        (one_of(prefix("v")), one_of(exact("v1"))),
        (one_of(prefix("v")), one_of(prefix("v1"))),
        (
            Condition::Modality(vec![Modality::Image, Modality::File]),
            Condition::Modality(vec![Modality::File]),
        ),
        (
            Condition::User(vec!["a".to_owned(), "b".to_owned()]),
            Condition::User(vec!["b".to_owned()]),
        ),
    ] {
        assert!(wide.covers(&narrow), "{wide:?} {narrow:?}");
        assert!(!narrow.covers(&wide), "{narrow:?} {wide:?}");
        assert!(wide.covers(&wide) && narrow.covers(&narrow));
    }
    for (a, b) in [
        (range(Some(5), None), range(None, Some(9))),
        (headers(HeaderIs::Present(false)), one_of(exact("v"))),
        (Condition::Stream(true), Condition::Stream(false)),
        (Condition::Stream(true), Condition::Tools(true)),
    ] {
        assert!(!a.covers(&b) && !b.covers(&a), "{a:?} {b:?}");
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_value_of_any_other_type_in_routing_is_told_and_never_panics(
        at in any::<prop::sample::Index>(),
        with in proptest::sample::select(vec!["null", "true", "7", "\"~\"", "[[]]", "[\"*\"]", "{\"~\": 1}", "{}"]),
    ) {
        let places: Vec<_> = ROUTED.match_indices(": ").map(|(place, _)| place + 2).collect();
        let place = places[at.index(places.len())];
        let mut rest = serde_json::Deserializer::from_str(&ROUTED[place..]).into_iter::<Tree>();
        rest.next().unwrap().unwrap();
        let end = place + rest.byte_offset();
        let report = told(&format!("{}{with}{}", &ROUTED[..place], &ROUTED[end..]));
        for line in report.lines() {
            prop_assert!(line.contains(": "), "{}", line);
        }
    }
}
