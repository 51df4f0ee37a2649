/*! What lies under envoy/: every file is run or validated, and `tollgate check` agrees. */

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use tollgate_tests::{Config, env_path, repo, validate};

/// Files that another test starts as they are, but for ports, times and what they need beside
/// them: a start accepts no less than `--mode validate`, and costs as much. And the one that needs
/// keys.
const ELSEWHERE: [&str; 9] = [
    "cache.yaml",
    "cache-shared.yaml",
    "chain.yaml",
    "durable.yaml",
    "gateway.yaml",
    "guardrails.yaml",
    "identity.yaml",
    "limits.yaml",
    "providers.yaml",
];

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repo(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    files.sort();
    files
}

#[test]
fn envoy_accepts_every_file() {
    let mut validated = 0;
    for file in files("envoy") {
        let name = file.file_name().unwrap().to_str().unwrap();
        if ELSEWHERE.contains(&name) {
            continue;
        }
        validate(&Config::shipped(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        validated += 1;
    }
    assert!(validated >= 2);
}

/// A shipped file, with keys in it in place of the operator's files.
fn with_keys(name: &str) -> Config {
    let Config(text) = Config::shipped(name);
    Config(text.replace("filename: /etc/tollgate/", "inline_string: "))
}

#[test]
fn regression_envoy_accepts_the_documented_providers() {
    let config = with_keys("providers.yaml");
    validate(&config).unwrap();
    let broken = config.replace("{ backend: vllm }", "{ bakend: vllm }");
    assert!(validate(&broken).is_err(), "the clusters must be looked at");
}

/// The documents of a YAML file as JSON, read by a YAML reader that is not ours.
fn documents(file: &Path) -> Vec<Value> {
    let script =
        "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let output = python(&["-c", script, file.to_str().unwrap()]);
    serde_json::from_str(&output).unwrap()
}

fn python(arguments: &[&str]) -> String {
    let output = Command::new(env_path("TOLLGATE_PYTHON"))
        .args(arguments)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Checks a manifest against a CRD; unknown fields count as errors, as `kubectl` would
/// say. Prints what is wrong.
const AGAINST_CRD: &str = r#"
import json, sys, yaml, jsonschema
crd, manifest = (yaml.safe_load(open(path)) for path in sys.argv[1:3])
version = next(v for v in crd["spec"]["versions"]
               if crd["spec"]["group"] + "/" + v["name"] == manifest["apiVersion"])
schema = version["schema"]["openAPIV3Schema"]
def close(node):
    if isinstance(node, dict):
        if "properties" in node and not node.get("x-kubernetes-preserve-unknown-fields"):
            node.setdefault("additionalProperties", False)
        for child in node.values(): close(child)
    elif isinstance(node, list):
        for child in node: close(child)
close(schema)
schema["additionalProperties"] = True
errors = [f"{'.'.join(map(str, e.path))}: {e.message}" for e in jsonschema.Draft7Validator(schema).iter_errors(manifest)]
print("\n".join(errors))
"#;

fn crd_problems(crd: &str, manifest: &Path) -> String {
    // Named but missing is a failure; not named means that there are no schemas here.
    let crd = env_path("ISTIO_CRDS").join(crd);
    assert!(crd.is_file(), "{} is missing", crd.display());
    let arguments = [
        "-c",
        AGAINST_CRD,
        crd.to_str().unwrap(),
        manifest.to_str().unwrap(),
    ];
    python(&arguments).trim().to_owned()
}

const PLUGIN_CRD: &str = "crd-wasmplugins.extensions.istio.io.yaml";
const FILTER_CRD: &str = "crd-envoyfilters.networking.istio.io.yaml";

#[test]
fn istio_manifests_fit_istios_schemas() {
    if std::env::var_os("ISTIO_CRDS").is_none() {
        // The schemas are Istio's and not part of this repository; scripts/test.sh says so.
        return;
    }
    for (crd, file) in [
        (PLUGIN_CRD, "wasmplugin.yaml"),
        (FILTER_CRD, "envoyfilter.yaml"),
    ] {
        let path = repo("envoy/istio").join(file);
        assert_eq!(crd_problems(crd, &path), "", "{file}");
        // The check itself must be able to fail.
        let text = std::fs::read_to_string(&path).unwrap();
        let folder = tempfile::TempDir::new().unwrap();
        let wrong = folder.path().join(file);
        let broken = text
            .replace("FAIL_RELOAD", "FAIL_SOMEHOW")
            .replace("applyTo", "aplyTo");
        std::fs::write(&wrong, broken).unwrap();
        assert_ne!(crd_problems(crd, &wrong), "", "{file}");
    }
}

/// The Envoy fragments of the EnvoyFilter, put where Istio would put them.
fn patched_by_istio() -> Config {
    let manifest = documents(&repo("envoy/istio/envoyfilter.yaml")).remove(0);
    let patches = manifest["spec"]["configPatches"].as_array().unwrap();
    let value = |kind: &str| {
        let mut found = patches.iter().filter(|patch| patch["applyTo"] == kind);
        found.next().unwrap_or_else(|| panic!("no patch of {kind}"))["patch"]["value"].clone()
    };
    let mut filter = value("EXTENSION_CONFIG")["typed_config"].take();
    // What Istio's agent does: the image becomes a local file.
    filter["config"]["vm_config"]["code"] =
        serde_json::json!({"local": {"filename": "dist/tollgate.wasm"}});
    let mut envoy = documents(&repo("envoy/gateway.yaml")).remove(0);
    let listener = &mut envoy["static_resources"]["listeners"][0];
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    let filters = manager["http_filters"].as_array_mut().unwrap();
    let ours = filters
        .iter_mut()
        .find(|filter| filter["name"] == "tollgate")
        .unwrap();
    ours["typed_config"] = filter;
    let host = &mut manager["route_config"]["virtual_hosts"][0];
    merge(host, &value("VIRTUAL_HOST"));
    host["routes"][0]["route"] = serde_json::json!({"cluster": "provider"});
    let route = host["routes"][0]["route"].as_object_mut().unwrap();
    // A merge sets the other arm of the oneof.
    route.remove("cluster");
    merge(&mut host["routes"][0], &value("HTTP_ROUTE"));
    Config(envoy.to_string())
}

fn merge(into: &mut Value, from: &Value) {
    match (into.as_object_mut(), from.as_object()) {
        (Some(into), Some(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        _ => *into = from.clone(),
    }
}

#[test]
fn envoy_accepts_istios_fragments() {
    validate(&patched_by_istio()).unwrap();
    let broken = patched_by_istio().replace("cluster_header", "cluster_heder");
    assert!(
        validate(&broken).is_err(),
        "the fragments must be looked at"
    );
    let broken = patched_by_istio().replace("\"smart\"]", "\"smrt\"]");
    assert!(
        validate(&broken)
            .unwrap_err()
            .contains("tenants.acme.models[0]")
    );
}
