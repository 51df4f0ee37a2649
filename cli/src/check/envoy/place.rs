/*! Where a filter runs: its listener, filter chain and HTTP connection manager, as far as
the file has them. */

use super::types;
use crate::check::at::At;
use crate::check::wasm::Filter;

/// A filter's surroundings.
#[derive(Default)]
pub(super) struct Place<'t> {
    pub(super) listener: Option<At<'t>>,
    pub(super) chain: Option<At<'t>>,
    /// The connection manager's own message.
    pub(super) manager: Option<At<'t>>,
    /// Its element of `http_filters`.
    pub(super) entry: Option<At<'t>>,
    /// The elements that see a request before it.
    pub(super) before: Vec<At<'t>>,
    /// The elements that see it after.
    after: Vec<At<'t>>,
}

impl<'t> Place<'t> {
    pub(super) fn of(filter: &Filter<'t>) -> Self {
        let above = &filter.above;
        let manager = above.iter().rfind(|at| types::is(at, types::HTTP_MANAGER));
        let manager = manager.map(types::body);
        let listener = above.iter().rfind(|at| !chains_of(at).is_empty());
        let chains = listener.map_or_else(Vec::new, chains_of);
        let mut place = Self {
            listener: listener.cloned(),
            chain: chains.into_iter().find(|chain| chain.holds(&filter.plugin)),
            manager,
            ..Self::default()
        };
        place.find_entry(&filter.plugin);
        place
    }

    fn find_entry(&mut self, plugin: &At<'_>) {
        let filters = self.manager.as_ref().map(|it| it.list("http_filters"));
        let mut filters = filters.unwrap_or_default().into_iter();
        for entry in filters.by_ref() {
            if entry.holds(plugin) {
                self.entry = Some(entry);
                self.after = filters.collect();
                return;
            }
            self.before.push(entry);
        }
        // The manager holds it elsewhere than in its own list: nothing is before it.
        self.before.clear();
    }

    /// The messages of the enabled filters of this type that see a request first.
    pub(super) fn earlier(&self, wanted: &str) -> Vec<At<'t>> {
        enabled(&self.before, wanted)
    }

    /// The messages of the enabled filters of this type that see it later.
    pub(super) fn later(&self, wanted: &str) -> Vec<At<'t>> {
        enabled(&self.after, wanted)
    }
}

fn enabled<'t>(entries: &[At<'t>], wanted: &str) -> Vec<At<'t>> {
    let enabled = entries.iter().filter(|entry| !entry.is_true("disabled"));
    let configs = enabled.filter_map(|entry| entry.field("typed_config"));
    configs
        .filter(|config| types::is(config, wanted))
        .map(|config| types::body(&config))
        .collect()
}

/// The filter chains of a listener; of anything else, none.
pub(super) fn chains_of<'t>(listener: &At<'t>) -> Vec<At<'t>> {
    let mut chains = listener.list("filter_chains");
    chains.extend(listener.field("default_filter_chain"));
    chains
}
