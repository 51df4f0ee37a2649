/*! What a plugin is: the gateway with its policy, or a filter in front of a provider. */

use super::fields::Node;
use super::values::text;
use super::{Policy, Problems, Tree, from_tree, tree_of};

/// The part that a plugin plays.
#[derive(Debug)]
pub enum Plugin {
    /// The gateway, with a policy.
    Gateway(Box<Policy>),
    /// A filter in front of providers.
    Backend(Stand),
}

/// Which backend a filter stands in front of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stand {
    /// This one.
    Named(String),
    /// The one that the endpoint's metadata names, `tollgate: { backend: x }`: for a
    /// cluster that is a chain of others.
    ByHost,
}

/// The one member of a backend filter's configuration.
const BACKEND: &str = "backend";
/// Its value where the endpoint's metadata decides.
const BY_HOST: &str = "by host metadata";

impl Plugin {
    /// Reads what Envoy hands a plugin, see [`super::from_plugin_bytes`].
    ///
    /// # Errors
    /// Every problem found; Envoy must not start then.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Problems> {
        Self::from_tree(&tree_of(bytes)?)
    }

    /// Reads a plugin's configuration, whatever format it came from.
    ///
    /// # Errors
    /// Every problem found.
    pub fn from_tree(tree: &Tree) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        match stand(tree, &mut problems) {
            Some(stand) => Ok(Self::Backend(stand)),
            None if problems.is_empty() => {
                let policy = from_tree(tree).0?;
                Ok(Self::Gateway(Box::new(policy)))
            }
            None => Err(problems),
        }
    }
}

/// Reads a backend filter's configuration; `None` without problems if it is none.
fn stand(tree: &Tree, problems: &mut Problems) -> Option<Stand> {
    let members = tree.as_map()?;
    if !members.iter().any(|(name, _)| name == BACKEND) {
        return None;
    }
    let mut fields = Node::root(tree).fields(problems)?;
    let name = fields.required(BACKEND, text, problems);
    fields.finish(problems);
    let name = name.filter(|_| problems.is_empty())?;
    Some(if name == BY_HOST {
        Stand::ByHost
    } else {
        Stand::Named(name)
    })
}
