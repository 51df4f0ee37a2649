/*! Reading typed values out of a [`Tree`], collecting every problem on the way. */

use super::problem::Problems;
use super::suggest::suggest;
use super::tree::Tree;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node<'t> {
    pub(super) path: String,
    pub(super) tree: &'t Tree,
}

/// A value together with its path, for problems that only show later.
#[derive(Debug, Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) path: String,
}

/// Turns a node into a value, or reports why not and returns `None`.
pub(super) type Read<T> = fn(&Node<'_>, &mut Problems) -> Option<T>;

/// The members of one map; each may be asked for once, the rest is unknown.
pub(super) struct Fields<'t> {
    path: String,
    members: &'t [(String, Tree)],
    known: Vec<&'static str>,
}

impl<'t> Node<'t> {
    pub(super) const fn root(tree: &'t Tree) -> Self {
        Self {
            path: String::new(),
            tree,
        }
    }

    /// Reports that this is not what was wanted.
    pub(super) fn wanted<T>(&self, what: &str, problems: &mut Problems) -> Option<T> {
        let message = format!("must be {what}, not {}", self.tree.kind());
        problems.error(&self.path, message);
        None
    }

    pub(super) fn fields(&self, problems: &mut Problems) -> Option<Fields<'t>> {
        let Some(members) = self.tree.as_map() else {
            return self.wanted("a map", problems);
        };
        report_duplicates(&self.path, members, problems);
        Some(Fields {
            path: self.path.clone(),
            members,
            known: Vec::new(),
        })
    }

    /// The members of a map whose keys are names that the operator chooses.
    pub(super) fn entries(&self, problems: &mut Problems) -> Option<Vec<(&'t str, Self)>> {
        let Some(members) = self.tree.as_map() else {
            return self.wanted("a map", problems);
        };
        report_duplicates(&self.path, members, problems);
        if members.is_empty() {
            problems.error(&self.path, "must not be empty");
        }
        let entry = |(name, tree): &'t (String, Tree)| {
            let path = member_path(&self.path, name);
            (name.as_str(), Self { path, tree })
        };
        Some(members.iter().map(entry).collect())
    }

    /// The elements of a list, which must have some.
    pub(super) fn elements(&self, problems: &mut Problems) -> Option<Vec<Self>> {
        let Some(elements) = self.tree.as_list() else {
            return self.wanted("a list", problems);
        };
        if elements.is_empty() {
            problems.error(&self.path, "must not be an empty list");
        }
        let element = |(index, tree)| {
            let path = format!("{}[{index}]", self.path);
            Self { path, tree }
        };
        Some(elements.iter().enumerate().map(element).collect())
    }

    pub(super) fn located<T>(&self, value: T) -> Located<T> {
        Located {
            value,
            path: self.path.clone(),
        }
    }
}

impl<'t> Fields<'t> {
    /// The member `name`; an explicit null counts as absent.
    pub(super) fn find(&mut self, name: &'static str) -> Option<Node<'t>> {
        self.known.push(name);
        let (_, tree) = self.members.iter().find(|(key, _)| key == name)?;
        let path = member_path(&self.path, name);
        (*tree != Tree::Null).then_some(Node { path, tree })
    }

    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        read: Read<T>,
        problems: &mut Problems,
    ) -> Option<T> {
        let node = self.find(name)?;
        read(&node, problems)
    }

    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        read: Read<T>,
        problems: &mut Problems,
    ) -> Option<T> {
        let Some(node) = self.find(name) else {
            problems.error(member_path(&self.path, name), "is missing");
            return None;
        };
        read(&node, problems)
    }

    /// Reports every member that nobody asked for.
    pub(super) fn finish(self, problems: &mut Problems) {
        for (name, _) in self.members {
            if !self.known.contains(&name.as_str()) {
                let hint = suggest(name, self.known.iter().copied());
                problems.error(
                    member_path(&self.path, name),
                    format!("unknown field{hint}"),
                );
            }
        }
    }
}

/// `parent.name`, with quotes around names that are not plain words.
pub(super) fn member_path(parent: &str, name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name = if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("{name:?}")
    };
    if parent.is_empty() {
        name
    } else {
        format!("{parent}.{name}")
    }
}

fn report_duplicates(path: &str, members: &[(String, Tree)], problems: &mut Problems) {
    for (index, (name, _)) in members.iter().enumerate() {
        if members.iter().take(index).any(|(other, _)| other == name) {
            problems.error(member_path(path, name), "the key stands twice");
        }
    }
}
