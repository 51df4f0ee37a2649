/*! The examples of the documentation are good: `tollgate check` has nothing to say of them. */

// Helpers of tests may stop at the first surprise, as tests may.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const PAGES: [(&str, &str); 2] = [
    ("routing", include_str!("../../docs/routing.md")),
    ("configuration", include_str!("../../docs/configuration.md")),
];

/// What the parts of a policy that an example leaves out are.
const REST: &str = r"
backends:
  openai: { cluster: openai, api: openai }
  azure: { cluster: azure, api: openai, azure: { api_version: 2024-10-21 } }
  local: { cluster: vllm, api: openai }
models:
  smart: { targets: [ { backend: openai, model: a } ] }
  light: { targets: [ { backend: local, model: b } ] }
  auto: { rules: true }
";

/// The text of each part of a policy, by its name.
type Parts = BTreeMap<String, String>;

fn parts(yaml: &str) -> Parts {
    let mut parts = Parts::new();
    let mut name = String::new();
    for line in yaml.lines() {
        if let Some((key, _)) = line
            .split_once(':')
            .filter(|_| !line.starts_with([' ', '-', '#']))
        {
            name = key.to_owned();
        }
        let part = parts.entry(name.clone()).or_default();
        part.push_str(line);
        part.push('\n');
    }
    parts
}

/// The blocks of a page that are policies, or parts of one.
fn examples(page: &str) -> impl Iterator<Item = Parts> {
    let blocks = page.split("```yaml\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("\n```").next());
    let known = |part: &String| {
        let words = ["backends", "models", "tenants", "identity", "limits"];
        let more = [
            "routing",
            "fallback",
            "cool_down",
            "global_limits",
            "guardrails",
        ];
        words.contains(&part.as_str()) || more.contains(&part.as_str())
    };
    blocks
        .map(parts)
        .filter(move |parts| parts.keys().all(known))
}

/// The example with the parts that it leaves out.
fn whole(mut example: Parts) -> String {
    for (name, text) in parts(REST.trim_start()) {
        example.entry(name).or_insert(text);
    }
    let models = models(&example);
    example.entry("tenants".to_owned()).or_insert_with(|| {
        let names = models.join(", ");
        format!(
            "tenants: {{ acme: {{ models: [ {names} ], tier: premium, jwt: [ t ], spiffe: [ \"spiffe://mesh/t\" ] }} }}\n"
        )
    });
    example.entry("identity".to_owned()).or_insert_with(|| {
        "identity: { jwt: { payload_in_metadata: jwt, tenant: org } }\n".to_owned()
    });
    if models.iter().any(|model| model == "auto") {
        let rule = "routing: [ { use: smart } ]\n".to_owned();
        example.entry("routing".to_owned()).or_insert(rule);
    }
    example.into_values().collect()
}

/// The names of the models.
fn models(example: &Parts) -> Vec<String> {
    let lines = example.get("models").unwrap().lines();
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split_once(':'));
    names
        .map(|(name, _)| name.to_owned())
        .filter(|name| !name.starts_with([' ', '-', '#']))
        .collect()
}

#[test]
fn every_policy_in_the_pages_is_good() {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    for (name, page) in PAGES {
        let mut count = 0;
        for example in examples(page) {
            let text = whole(example);
            let file = dir.join(format!("docs-{name}-{count}.yaml"));
            fs::write(&file, &text).unwrap();
            let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
            let output = command.arg("check").arg(&file).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let good = output.status.success() && said.lines().count() == 1;
            assert!(good, "{name}, example {count}:\n{text}\n{said}");
            count += 1;
        }
        assert!(count >= 3, "{name} has {count} examples");
    }
}
