//! Which functions of a text call which, and which of them call themselves.

use super::functions::calls_in;
use crate::syntax::tree;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Longer ways are not spelt out, and of larger groups that call each other only so many are reported.
const MOST: usize = 12;

/// The functions that each function calls, in the order of its body.
pub(super) struct Calls<'t>(BTreeMap<&'t str, Vec<&'t str>>);

impl<'t> Calls<'t> {
    pub(super) fn new(functions: &BTreeMap<&'t str, &'t tree::Function>) -> Self {
        let callees = |f: &&'t tree::Function| {
            let mut seen = BTreeSet::new();
            let calls = calls_in(&f.body).into_iter().map(|c| c.name.name.as_str());
            calls.filter(|c| functions.contains_key(c) && seen.insert(*c)).collect()
        };
        Self(functions.iter().map(|(name, f)| (*name, callees(f))).collect())
    }

    /// The functions that call each function.
    pub(super) fn callers(&self) -> BTreeMap<&'t str, Vec<&'t str>> {
        let mut callers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (&caller, callees) in &self.0 {
            for &callee in callees {
                callers.entry(callee).or_default().push(caller);
            }
        }
        callers
    }

    /// For functions that call themselves, the shortest way back: `f -> g -> f`. All of a small group that call each
    /// other are there, and some of a large one.
    pub(super) fn cycles(&self) -> BTreeMap<&'t str, String> {
        let mut found = BTreeMap::new();
        for group in self.groups() {
            for &name in group.iter().take(MOST) {
                let Some(way) = self.way_back(name, &group) else { break };
                found.insert(name, spelt(&way));
                if way.len() > MOST {
                    break;
                }
            }
        }
        found
    }

    /// The functions in groups that reach each other (Kosaraju): in the order in which searches along the calls leave
    /// them, last first, searches against the calls find one group each.
    fn groups(&self) -> Vec<BTreeSet<&'t str>> {
        let callers = self.callers();
        let mut left = Vec::new();
        let mut seen = BTreeSet::new();
        for &start in self.0.keys() {
            search(start, &self.0, &mut seen, &mut left);
        }
        let mut groups = Vec::new();
        let mut seen = BTreeSet::new();
        for start in left.into_iter().rev() {
            let mut group = Vec::new();
            search(start, &callers, &mut seen, &mut group);
            groups.push(group.into_iter().collect());
        }
        groups
    }

    /// The shortest way from a function back to itself inside of its group.
    fn way_back(&self, name: &'t str, group: &BTreeSet<&'t str>) -> Option<Vec<&'t str>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([name]);
        while let Some(at) = queue.pop_front() {
            for &callee in self.0.get(at).into_iter().flatten().filter(|c| group.contains(*c)) {
                if callee == name {
                    let steps = std::iter::successors(Some(at), |step| before.get(step).copied());
                    let mut way: Vec<&str> = std::iter::once(name).chain(steps).collect();
                    way.reverse();
                    return Some(way);
                }
                if let Entry::Vacant(place) = before.entry(callee) {
                    place.insert(at);
                    queue.push_back(callee);
                }
            }
        }
        None
    }
}

/// A depth-first search; adds what it had not `seen` to `left`, in the order in which it leaves it.
fn search<'t>(
    start: &'t str,
    edges: &BTreeMap<&'t str, Vec<&'t str>>,
    seen: &mut BTreeSet<&'t str>,
    left: &mut Vec<&'t str>,
) {
    if !seen.insert(start) {
        return;
    }
    let mut stack = vec![(start, 0)];
    while let Some((at, next)) = stack.pop() {
        match edges.get(at).and_then(|list| list.get(next)) {
            Some(&target) => {
                stack.push((at, next + 1));
                if seen.insert(target) {
                    stack.push((target, 0));
                }
            }
            None => left.push(at),
        }
    }
}

fn spelt(way: &[&str]) -> String {
    match way {
        [start @ .., last] if start.len() > MOST => {
            format!("{} -> ... -> {last}", start.get(..MOST).unwrap_or(start).join(" -> "))
        }
        _ => way.join(" -> "),
    }
}
