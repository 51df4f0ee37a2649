/*! A policy on its own: compiled by the core, its problems placed in the file. */

use super::at::{At, Position};
use super::findings::{Finding, Findings};
use super::sources::PolicyTree;
use std::collections::HashMap;
use tollgate::config::{Policy, Problem, Severity, from_tree};

/// A policy that compiles, and where its parts are.
pub(super) struct Compiled {
    pub(super) policy: Policy,
    pub(super) places: Places,
}

/// From paths in a policy to positions in the file.
pub(super) struct Places {
    scope: String,
    base: Position,
    known: HashMap<String, Position>,
    /// When keys end, as written, by the path of the key.
    pub(super) ends: Vec<WrittenKey>,
}

/// A key of the document, with what the compiled policy does not keep.
pub(super) struct WrittenKey {
    pub(super) path: String,
    pub(super) sha256: String,
    pub(super) expires: String,
}

/// Compiles a policy; its problems become findings under `scope`.
pub(super) fn compile(
    source: &PolicyTree<'_>,
    scope: String,
    findings: &mut Findings,
) -> Option<Compiled> {
    let root = At::root(String::new(), source.position.clone(), &source.tree);
    let places = Places::of(&root, scope);
    let (policy, warnings) = from_tree(&source.tree);
    for problem in warnings.iter() {
        findings.add(places.finding_of(problem));
    }
    match policy {
        Ok(policy) => Some(Compiled { policy, places }),
        Err(errors) => {
            errors
                .iter()
                .for_each(|problem| findings.add(places.finding_of(problem)));
            None
        }
    }
}

impl Compiled {
    /// What a good file ends with.
    pub(super) fn summary(&self) -> String {
        let Self { policy, places } = self;
        let scope = match places.scope.as_str() {
            "" => String::new(),
            scope => format!("{scope}: "),
        };
        let [backends, models, tenants] = [
            policy.backends.len(),
            policy.models.len(),
            policy.tenants.len(),
        ];
        format!("{scope}ok ({backends} backends, {models} models, {tenants} tenants)")
    }
}

impl Places {
    fn of(root: &At<'_>, scope: String) -> Self {
        let mut known = HashMap::new();
        collect(root, &mut known);
        Self {
            scope,
            base: root.position.clone(),
            known,
            ends: written_keys(root),
        }
    }

    /// A finding at `path` of the policy.
    pub(super) fn finding(
        &self,
        path: impl Into<String>,
        message: impl Into<String>,
        severity: Severity,
    ) -> Finding {
        let path = path.into();
        Finding {
            position: self.position(&path),
            scope: self.scope.clone(),
            path,
            message: message.into(),
            severity,
        }
    }

    fn finding_of(&self, problem: &Problem) -> Finding {
        self.finding(&problem.path, &problem.message, problem.severity)
    }

    /// Where `path` is; of something missing, where it would be.
    fn position(&self, path: &str) -> Position {
        let mut path = path;
        loop {
            if let Some(position) = self.known.get(path) {
                return position.clone();
            }
            let end = path.rfind(['.', '[']).unwrap_or(0);
            match path.get(..end) {
                Some(parent) if !parent.is_empty() => path = parent,
                _ => return self.base.clone(),
            }
        }
    }
}

fn collect(at: &At<'_>, known: &mut HashMap<String, Position>) {
    known.insert(at.path.clone(), at.position.clone());
    at.children().for_each(|child| collect(&child, known));
}

fn written_keys(root: &At<'_>) -> Vec<WrittenKey> {
    let tenants = root.member("tenants");
    let tenants = tenants.iter().flat_map(At::members);
    tenants
        .flat_map(|(_, tenant)| tenant.list("keys"))
        .filter_map(|key| {
            Some(WrittenKey {
                sha256: key.text("sha256")?.to_ascii_lowercase(),
                expires: key.text("expires")?.to_owned(),
                path: key.path,
            })
        })
        .collect()
}
