/*! A place in a document: the value there, its path for people, and its position for
sorting. */

use tollgate::config::{Tree, member_path};

static NOTHING: Tree = Tree::Null;

/// Which child of which child of the root; in the order of the document.
pub(super) type Position = Vec<usize>;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<'t> {
    pub(crate) path: String,
    pub(super) position: Position,
    pub(crate) tree: &'t Tree,
}

impl<'t> At<'t> {
    /// A document, or the part of one whose paths start anew (a policy).
    pub(super) const fn root(path: String, position: Position, tree: &'t Tree) -> Self {
        Self {
            path,
            position,
            tree,
        }
    }

    fn child(&self, index: usize, path: String, tree: &'t Tree) -> Self {
        let mut position = self.position.clone();
        position.push(index);
        Self {
            path,
            position,
            tree,
        }
    }

    /// The members, if this is a map.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'t str, Self)> {
        let members = self.tree.as_map().unwrap_or_default();
        members.iter().enumerate().map(|(index, (name, tree))| {
            let path = member_path(&self.path, name);
            (name.as_str(), self.child(index, path, tree))
        })
    }

    /// The elements, if this is a list.
    pub(super) fn elements(&self) -> impl Iterator<Item = Self> {
        let elements = self.tree.as_list().unwrap_or_default();
        let element = |(index, tree)| self.child(index, format!("{}[{index}]", self.path), tree);
        elements.iter().enumerate().map(element)
    }

    /// Whatever is directly below.
    pub(super) fn children(&self) -> impl Iterator<Item = Self> {
        let members = self.members().map(|(_, member)| member);
        members.chain(self.elements())
    }

    /// The member called exactly `name`, unless it is null.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        let (_, member) = self.members().find(|(known, _)| *known == name)?;
        (*member.tree != Tree::Null).then_some(member)
    }

    /// The protobuf field `name`; protobuf's JSON allows `typedConfig` for `typed_config`.
    pub(super) fn field(&self, name: &str) -> Option<Self> {
        self.member(name).or_else(|| self.member(&camel(name)))
    }

    /// The field of a field of a field.
    pub(super) fn fields(&self, names: &[&str]) -> Option<Self> {
        let start = Some(self.clone());
        names.iter().fold(start, |at, name| at?.field(name))
    }

    /// The field, or the place where it would stand.
    pub(super) fn field_or_gap(&self, name: &str) -> Self {
        self.field(name).unwrap_or_else(|| Self {
            path: member_path(&self.path, name),
            position: self.position.clone(),
            tree: &NOTHING,
        })
    }

    /// The elements of the list field `name`.
    pub(super) fn list(&self, name: &str) -> Vec<Self> {
        let field = self.field(name);
        field.map_or_else(Vec::new, |list| list.elements().collect())
    }

    /// The text of the string field `name`.
    pub(super) fn text(&self, name: &str) -> Option<&'t str> {
        self.field(name)?.tree.as_str()
    }

    /// Whether the field `name` is `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.field(name)
            .is_some_and(|at| *at.tree == Tree::Bool(true))
    }

    /// The whole number here; protobuf's JSON writes big ones as strings.
    pub(super) fn number(&self) -> Option<u64> {
        match self.tree {
            Tree::Number(text) | Tree::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Whether `other` is this place or below it.
    pub(super) fn holds(&self, other: &At<'_>) -> bool {
        other.position.starts_with(&self.position)
    }
}

/// `typedConfig` of `typed_config`.
fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_two_spellings() {
        for (snake, other) in [
            ("name", "name"),
            ("typed_config", "typedConfig"),
            (
                "allow_on_headers_stop_iteration",
                "allowOnHeadersStopIteration",
            ),
        ] {
            assert_eq!(camel(snake), other);
        }
    }
}
