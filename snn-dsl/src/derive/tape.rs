//! The tape plan: the cheapest set of forward values from which the reverse can compute all others that it reads.
//!
//! The values that the reverse needs are connected to the states and inputs of the step by the expression graph. A set of
//! values from which the needed ones can be computed separates the two; the cheapest such set is a minimum vertex cut,
//! a number costing 32 times a flag. Coefficients and the spikes of the step (which the engine keeps as lists) are free.

use super::reverse::Reverse;
use crate::expr::{Arena, ExprId, IdMap, IdSet, Leaf, Node};
use std::collections::{BTreeSet, VecDeque};

/// What one step of one neuron keeps for the reverse.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    /// Numbers; behind them the flags that do not fit into `flags`, kept as 0 or 1.
    pub reals: Vec<ExprId>,
    /// Flags, at most [`Tape::MAX_FLAGS`].
    pub flags: Vec<ExprId>,
    /// The spike variable is read.
    pub reads_spikes: bool,
}

impl Tape {
    /// One byte of flags for a neuron and step.
    pub const MAX_FLAGS: usize = 8;

    /// The expressions on the tape.
    pub fn stored(&self) -> BTreeSet<ExprId> {
        self.reals.iter().chain(&self.flags).copied().collect()
    }

    /// Bytes per neuron and step, for numbers of that size. Spikes are kept as index lists and not counted.
    pub fn bytes(&self, real: usize) -> usize {
        self.reals.len() * real + usize::from(!self.flags.is_empty())
    }
}

/// What an expression is computed from; an operation is of the last kind among its operands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Computable from coefficients and spikes.
    Free,
    /// A value of the forward step.
    Forward,
    /// Contains an adjoint.
    Mixed,
}

pub(super) fn plan(arena: &Arena, reverse: &Reverse) -> Tape {
    let order = arena.reachable(reverse.results());
    let mut kinds: IdMap<Kind> = IdMap::default();
    let mut reads_spikes = false;
    for &id in &order {
        let kind = match arena.node(id) {
            Node::Constant(_) | Node::Truth(_) => Kind::Free,
            Node::Leaf(
                Leaf::StateAdjoint(_) | Leaf::SpikeAdjoint | Leaf::SignalAdjoint(_) | Leaf::OutputAdjoint(_),
            ) => Kind::Mixed,
            Node::Leaf(Leaf::State(_) | Leaf::Event(_) | Leaf::Drive(_) | Leaf::Noise(_) | Leaf::Refractory) => {
                Kind::Forward
            }
            Node::Leaf(_) | Node::Spike(_) => Kind::Free,
            _ => arena.children(id).filter_map(|c| kinds.get(c).copied()).max().unwrap_or(Kind::Free),
        };
        kinds.insert(id, kind);
    }
    let kind = |id: ExprId| kinds.get(id).copied().unwrap_or(Kind::Free);
    let mut needed = IdSet::default();
    let mixed = order.iter().copied().filter(|&id| kind(id) == Kind::Mixed);
    for id in mixed.flat_map(|id| arena.children(id)).chain(reverse.results()) {
        if kind(id) == Kind::Forward {
            needed.insert(id);
        }
    }
    let cut = minimum_cut(arena, &order, &needed, |id| kind(id) == Kind::Forward);
    // The spike variable may stand above or below the cut: look at what is really read.
    let program = super::schedule(arena, reverse.results(), &cut, None);
    for &id in &program.order {
        reads_spikes |= matches!(arena.node(id), Node::Spike(_));
    }
    let (mut flags, mut reals): (Vec<ExprId>, Vec<ExprId>) = cut.into_iter().partition(|&id| arena.is_truth(id));
    if flags.len() > Tape::MAX_FLAGS {
        reals.extend(flags.drain(Tape::MAX_FLAGS..));
    }
    Tape { reals, flags, reads_spikes }
}

/// The edges of a flow network: node 2k enters expression k of the order, 2k + 1 leaves it.
struct Flow {
    to: Vec<usize>,
    capacity: Vec<u64>,
    edges: Vec<Vec<usize>>,
}

impl Flow {
    fn new(nodes: usize) -> Self {
        Self { to: Vec::new(), capacity: Vec::new(), edges: vec![Vec::new(); nodes] }
    }

    fn edge(&mut self, from: usize, to: usize, capacity: u64) {
        for (a, b, c) in [(from, to, capacity), (to, from, 0)] {
            self.edges[a].push(self.to.len());
            self.to.push(b);
            self.capacity.push(c);
        }
    }

    /// Breadth-first search in the residual network: for each node the edge by which it was reached.
    fn search(&self, source: usize) -> Vec<Option<usize>> {
        let mut by = vec![None; self.edges.len()];
        let mut seen = vec![false; self.edges.len()];
        seen[source] = true;
        let mut queue = VecDeque::from([source]);
        while let Some(node) = queue.pop_front() {
            for &e in &self.edges[node] {
                let next = self.to[e];
                if self.capacity[e] > 0 && !seen[next] {
                    seen[next] = true;
                    by[next] = Some(e);
                    queue.push_back(next);
                }
            }
        }
        by
    }

    /// Edmonds–Karp.
    fn saturate(&mut self, source: usize, sink: usize) {
        loop {
            let by = self.search(source);
            let mut path = Vec::new();
            let mut node = sink;
            while let Some(e) = by[node] {
                path.push(e);
                node = self.to[e ^ 1];
            }
            if node != source || path.is_empty() {
                return;
            }
            let amount = path.iter().map(|&e| self.capacity[e]).min().unwrap_or(0);
            for e in path {
                self.capacity[e] -= amount;
                self.capacity[e ^ 1] += amount;
            }
        }
    }
}

fn minimum_cut(
    arena: &Arena,
    order: &[ExprId],
    needed: &IdSet,
    is_forward: impl Fn(ExprId) -> bool,
) -> BTreeSet<ExprId> {
    const UNCUTTABLE: u64 = 1 << 40;
    let forward: Vec<ExprId> = order.iter().copied().filter(|&id| is_forward(id)).collect();
    let mut places: IdMap<usize> = IdMap::default();
    let (source, sink) = (2 * forward.len(), 2 * forward.len() + 1);
    let mut flow = Flow::new(2 * forward.len() + 2);
    for (k, &id) in forward.iter().enumerate() {
        places.insert(id, k);
        flow.edge(2 * k, 2 * k + 1, if arena.is_truth(id) { 1 } else { 32 });
        if matches!(arena.node(id), Node::Leaf(_)) {
            flow.edge(source, 2 * k, UNCUTTABLE);
        }
        for child in arena.children(id) {
            if let Some(&c) = places.get(child) {
                flow.edge(2 * c + 1, 2 * k, UNCUTTABLE);
            }
        }
        if needed.contains(id) {
            flow.edge(2 * k + 1, sink, UNCUTTABLE);
        }
    }
    flow.saturate(source, sink);
    let by = flow.search(source);
    let reached = |node: usize| node == source || by[node].is_some();
    let is_cut = |k: usize| reached(2 * k) && !reached(2 * k + 1);
    forward.into_iter().enumerate().filter(|&(k, _)| is_cut(k)).map(|(_, id)| id).collect()
}
