/*! The automaton of one pattern: which bytes a match goes on with, and where it ends.

It is the crate's, copied into the smallest numbers, with what it does not say: which states
nothing goes on from, and which have a match whatever comes. */

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::{Compiler, Config, NFA, WhichCaptures};
use regex_automata::util::{primitives::StateID, start};
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::Hir;
use std::collections::BTreeMap;

/// Most memory while an automaton is made, in bytes, for each of its three forms.
const LARGEST: usize = 1 << 20;

/// Number of a state. In [`DEAD`] there is no match, and none will come.
pub(super) type State = u16;

/// The state that nothing goes on from.
pub(super) const DEAD: State = 0;

/// What is known in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// No match ends here.
    Nothing,
    /// One ended before the byte that was read last, and a longer one may come.
    Match,
    /// One ended before the byte that was read last, and none is longer.
    Last,
    /// One ends behind the byte that was read last, whatever comes, and none is longer.
    Sure,
}

/// An automaton without its text.
#[derive(Debug)]
pub(super) struct Table {
    /// Class of each byte.
    classes: Vec<u8>,
    /// How many classes there are.
    width: usize,
    /// By the byte before, where a match can begin; the last one is for the front of a text.
    starts: Vec<State>,
    /// By state and class.
    next: Vec<State>,
    known: Vec<Known>,
    /// By state, whether a match ends at the end of the text.
    ends: Vec<bool>,
    begins: Vec<bool>,
}

impl Table {
    pub(super) fn new(hir: &Hir) -> Result<Self, String> {
        let config = Config::new()
            .nfa_size_limit(Some(LARGEST))
            .which_captures(WhichCaptures::None);
        let nfa = Compiler::new().configure(config).build_from_hir(hir);
        let dfa = nfa.ok().and_then(|nfa| dfa(&nfa));
        let table = dfa.and_then(|dfa| Copy::of(&dfa).table());
        table.ok_or_else(|| String::from("it is too large, as an automaton"))
    }

    /// The state of a match that begins behind the byte `before`.
    pub(super) fn start(&self, before: Option<u8>) -> State {
        let index = before.map_or(usize::from(u8::MAX).saturating_add(1), usize::from);
        self.starts.get(index).copied().unwrap_or(DEAD)
    }

    /// The state behind `byte`.
    #[inline]
    pub(super) fn next(&self, state: State, byte: u8) -> State {
        let class = self.classes.get(usize::from(byte)).copied().unwrap_or(0);
        let row = usize::from(state).saturating_mul(self.width);
        let index = row.saturating_add(usize::from(class));
        self.next.get(index).copied().unwrap_or(DEAD)
    }

    #[inline]
    pub(super) fn known(&self, state: State) -> Known {
        let known = self.known.get(usize::from(state)).copied();
        known.unwrap_or(Known::Nothing)
    }

    /// Whether a match ends where the text does.
    pub(super) fn ends(&self, state: State) -> bool {
        self.ends.get(usize::from(state)).copied().unwrap_or(false)
    }

    /// Whether a match can begin with `byte`.
    pub(super) fn begins(&self, byte: u8) -> bool {
        self.begins.get(usize::from(byte)).copied().unwrap_or(false)
    }

    /// Memory, in bytes, but for what every table has.
    pub(super) const fn size(&self) -> usize {
        self.next.len().saturating_mul(2)
    }
}

/// The crate's automaton of all matches that begin at one place, not of the first only.
fn dfa(nfa: &NFA) -> Option<dense::DFA<Vec<u32>>> {
    let config = dense::Config::new()
        .match_kind(MatchKind::All)
        .start_kind(StartKind::Anchored)
        .accelerate(false)
        .dfa_size_limit(Some(LARGEST))
        .determinize_size_limit(Some(LARGEST));
    let built = dense::Builder::new().configure(config).build_from_nfa(nfa);
    built.ok()
}

/// States as they are reached, and their new numbers.
struct Copy<'d> {
    dfa: &'d dense::DFA<Vec<u32>>,
    numbers: BTreeMap<StateID, State>,
    reached: Vec<StateID>,
    /// A byte of each class.
    bytes: Vec<u8>,
    classes: Vec<u8>,
}

impl<'d> Copy<'d> {
    fn of(dfa: &'d dense::DFA<Vec<u32>>) -> Self {
        let classes: Vec<u8> = (0..=u8::MAX)
            .map(|byte| dfa.byte_classes().get(byte))
            .collect();
        let count = classes.iter().max().copied().unwrap_or(0);
        let of_class = |class| (0..=u8::MAX).find(|byte| dfa.byte_classes().get(*byte) == class);
        Self {
            dfa,
            numbers: BTreeMap::new(),
            reached: Vec::new(),
            bytes: (0..=count).filter_map(of_class).collect(),
            classes,
        }
    }

    /// `None` if there are too many states.
    fn table(mut self) -> Option<Table> {
        let before = (0..=u8::MAX).map(Some).chain([None]);
        let starts = before.map(|before| self.start(before));
        let starts = starts.collect::<Vec<_>>();
        let starts = starts.into_iter().collect::<Option<Vec<_>>>()?;
        let mut next = vec![DEAD; self.bytes.len()];
        let mut read: usize = 0;
        while let Some(state) = self.reached.get(read).copied() {
            read = read.saturating_add(1);
            for index in 0..self.bytes.len() {
                let byte = self.bytes.get(index).copied()?;
                next.push(self.number(self.dfa.next_state(state, byte))?);
            }
        }
        Some(self.known(starts, next))
    }

    fn start(&mut self, before: Option<u8>) -> Option<State> {
        let config = start::Config::new()
            .anchored(Anchored::Yes)
            .look_behind(before);
        let state = self.dfa.start_state(&config).ok()?;
        self.number(state)
    }

    fn number(&mut self, state: StateID) -> Option<State> {
        if self.dfa.is_dead_state(state) || self.dfa.is_quit_state(state) {
            return Some(DEAD);
        }
        if let Some(number) = self.numbers.get(&state) {
            return Some(*number);
        }
        self.reached.push(state);
        let number = State::try_from(self.reached.len()).ok()?;
        self.numbers.insert(state, number);
        Some(number)
    }

    fn known(self, starts: Vec<State>, next: Vec<State>) -> Table {
        let width = self.bytes.len();
        let is_match = |state: &State| {
            let index = usize::from(*state).checked_sub(1);
            let state = index.and_then(|index| self.reached.get(index));
            state.is_some_and(|state| self.dfa.is_match_state(*state))
        };
        let rows = || next.chunks(width.max(1));
        let is_last: Vec<bool> = rows()
            .map(|row| row.iter().all(|state| *state == DEAD))
            .collect();
        let is_last = |state: &State| is_last.get(usize::from(*state)) == Some(&true);
        let at_end = |state: StateID| self.dfa.is_match_state(self.dfa.next_eoi_state(state));
        let reached = self.reached.iter().copied().map(at_end);
        let ends: Vec<bool> = [false].into_iter().chain(reached).collect();
        let known = rows().zip(&ends).zip(0..).map(|((row, ends), state)| {
            let sure = |next: &State| is_match(next) && is_last(next);
            match (is_match(&state), is_last(&state)) {
                (true, true) if !ends => Known::Last,
                (true, _) => Known::Match,
                (false, _) if *ends && row.iter().all(sure) => Known::Sure,
                (false, _) => Known::Nothing,
            }
        });
        let known = known.collect();
        let mut table = Table {
            classes: self.classes,
            width,
            starts,
            next,
            known,
            ends,
            begins: Vec::new(),
        };
        let begins = |byte| {
            let mut starts = table.starts.iter();
            starts.any(|start| table.next(*start, byte) != DEAD)
        };
        table.begins = (0..=u8::MAX).map(begins).collect();
        table
    }
}
