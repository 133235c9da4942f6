//! Synapses become part of what they connect: what they do at the target is folded into its neuron model, what they do at
//! the source is a population of its own before the connections (a relay). Then a network has neurons and weights alone.

use super::dimension::Dimension;
use super::projection::{PRE, source_name};
use super::synapse::{ARRIVAL, Arrives, CheckedSynapse, Sent};
use crate::expr::{Arena, ExprId, Leaf};
use crate::model::{
    Assign, AssignKind, ConnectionRead, Connectivity, Delay, Initialiser, Layer, Network, Neuron, On, Output,
    Parameter, Plasticity, ProgramNode, Projection, Quantity, Signal, Source, Stage, State, Value,
};
use std::collections::{BTreeMap, BTreeSet};

/// Expands the synapses of all networks.
pub(super) fn expand(neurons: &mut Vec<Neuron>, networks: &mut [Network], synapses: &[CheckedSynapse]) {
    for network in networks {
        if network.projections.iter().any(|p| p.synapse.is_some()) {
            Expansion { neurons, synapses, network }.run();
        }
    }
}

struct Expansion<'a> {
    neurons: &'a mut Vec<Neuron>,
    synapses: &'a [CheckedSynapse],
    network: &'a mut Network,
}

/// What projections to a layer share: the synapse, its values and the port.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    target: usize,
    drive: usize,
    synapse: usize,
    values: Vec<(usize, Value)>,
}

impl Expansion<'_> {
    fn run(mut self) {
        // Per synapse at a target: its key, the ports of its routes there, and the projections.
        let mut folded: Vec<(Key, Vec<usize>)> = Vec::new();
        for (k, p) in self.network.projections.iter().enumerate() {
            let Some(through) = &p.synapse else { continue };
            let events = self.model(p.target).map_or(0, |n| n.events.len());
            let key = Key {
                target: p.target,
                drive: p.port.saturating_sub(events),
                synapse: through.synapse,
                values: through.values.clone(),
            };
            let linear = self.synapses.get(through.synapse).is_some_and(is_linear);
            match folded.iter_mut().find(|f| f.0 == key && linear) {
                Some(found) => found.1.push(k),
                None => folded.push((key, vec![k])),
            }
        }
        let mut ports: BTreeMap<usize, Vec<Arrives>> = BTreeMap::new();
        let mut prefixes: BTreeMap<usize, String> = BTreeMap::new();
        for target in 0..self.network.layers.len() {
            let of_target: Vec<_> = folded.iter().filter(|f| f.0.target == target).cloned().collect();
            if of_target.is_empty() {
                continue;
            }
            let Some(base) = self.model(target).cloned() else { continue };
            let mut neuron = base;
            let before = neuron.events.len();
            let mut taken: BTreeSet<String> = neuron.names().map(str::to_string).collect();
            for (key, projections) in &of_target {
                let Some(synapse) = self.synapses.get(key.synapse) else { continue };
                let first = projections.first().and_then(|&k| self.network.projections.get(k));
                let source = first.map_or("", |p| self.source_name(p.source));
                let own = synapse.post.neuron.names();
                let prefix = free_prefix(source, &own.collect::<Vec<_>>(), &taken);
                let arriving = fold(&mut neuron, synapse, key, &prefix);
                for &k in projections {
                    prefixes.insert(k, prefix.clone());
                }
                taken.extend(neuron.names().map(str::to_string));
                for &k in projections {
                    ports.insert(k, arriving.clone());
                }
            }
            let after = neuron.events.len();
            neuron.name = self.free_name(&format!("{}_{}", neuron.name, self.network.layers[target].name));
            neuron.is_library = false;
            self.network.layers[target].neuron = self.neurons.len();
            self.neurons.push(neuron);
            // Event ports come before drives.
            let moved = self.network.projections.iter_mut().filter(|p| p.target == target && p.synapse.is_none());
            moved.filter(|p| p.port >= before).for_each(|p| p.port += after - before);
        }
        self.connect(&ports, &prefixes);
    }

    fn model(&self, layer: usize) -> Option<&Neuron> {
        self.network.layers.get(layer).and_then(|l| self.neurons.get(l.neuron))
    }

    fn source_name(&self, source: Source) -> &str {
        match source {
            Source::Input(i) => self.network.inputs.get(i).map_or("", |i| i.name.as_str()),
            Source::Layer(i) => self.network.layers.get(i).map_or("", |l| l.name.as_str()),
        }
    }

    fn free_name(&self, name: &str) -> String {
        let is_free = |name: &str| {
            self.neurons.iter().all(|n| n.name != name)
                && self.network.name != name
                && crate::library::neuron(name).is_none()
        };
        let mut found = name.to_string();
        let mut k = 2;
        while !is_free(&found) {
            found = format!("{name}_{k}");
            k += 1;
        }
        found
    }

    /// Replaces the projections with synapses by those of their routes.
    fn connect(&mut self, ports: &BTreeMap<usize, Vec<Arrives>>, prefixes: &BTreeMap<usize, String>) {
        let mut relays: Vec<(usize, Layer)> = Vec::new();
        let mut projections = Vec::new();
        for (k, p) in self.network.projections.clone().into_iter().enumerate() {
            let (Some(through), Some(arriving)) = (p.synapse.clone(), ports.get(&k)) else {
                projections.push(p);
                continue;
            };
            let Some(synapse) = self.synapses.get(through.synapse) else { continue };
            let events = self.model(p.target).map_or(0, |n| n.events.len());
            let number = |arrives: &Arrives| match *arrives {
                Arrives::Event(event) => event,
                Arrives::Drive(drive) => events + drive,
            };
            let plain = Projection { synapse: None, ..p.clone() };
            // A relay if something is sent that neither spikes nor states are.
            let needs_relay = |sent: &Sent| matches!(sent, Sent::Amplitude(_) | Sent::Let(_));
            let relay = match &synapse.relay {
                Some(relay) if synapse.edge.is_some() || synapse.routes.iter().any(|r| needs_relay(&r.sent)) => {
                    let (neuron, outputs) = relay_model(synapse, relay, &through.values);
                    Some((self.relay(&p, neuron, synapse, &mut relays, &mut projections), outputs))
                }
                _ => None,
            };
            let prefix = prefixes.get(&k).map_or("", String::as_str);
            let plasticity = synapse.edge.as_ref().map(|edge| {
                let relay = relay.as_ref().map(|r| r.0);
                self.plasticity(&p, synapse, edge, &through.values, prefix, relay, &relays)
            });
            for (j, (route, arrives)) in synapse.routes.iter().zip(arriving).enumerate() {
                let name = if j == 0 { p.name.clone() } else { format!("{}_{}", p.name, j + 1) };
                let tied = (j > 0).then(|| projections.len().saturating_sub(1));
                let plasticity = plasticity.clone().filter(|_| j == 0);
                let states = synapse.post.neuron.states.iter().map(|s| format!("{prefix}{}", s.quantity.name));
                let states: Vec<String> = states.collect();
                let through = match states.as_slice() {
                    [] => synapse.name.clone(),
                    states => format!("{} as {} of the target", synapse.name, states.join(", ")),
                };
                let own = Projection { name, port: number(arrives), tied, through, plasticity, ..plain.clone() };
                projections.push(match (&route.sent, &relay) {
                    (Sent::Spikes, _) => own,
                    (Sent::State(read), _) => {
                        let name = synapse.reads_source.get(*read).map_or("", |r| source_name(&r.name, PRE));
                        let model = match p.source {
                            Source::Layer(layer) => self.model(layer),
                            Source::Input(_) => None,
                        };
                        let state = model.and_then(|n| n.states.iter().position(|s| s.quantity.name == name));
                        Projection { signal: Signal::State(state.unwrap_or(0)), ..own }
                    }
                    (_, Some((layer, outputs))) => Projection {
                        source: Source::Layer(*layer),
                        signal: Signal::Output(outputs.get(j).copied().flatten().unwrap_or(0)),
                        delay: Delay::Steps(0),
                        ..own
                    },
                    (_, None) => own,
                });
            }
        }
        self.network.projections = projections;
        self.insert(relays);
    }

    /// What happens at the connections of `p`.
    #[expect(clippy::too_many_arguments, reason = "a use of a synapse with all that belongs to it")]
    fn plasticity(
        &mut self,
        p: &Projection,
        synapse: &CheckedSynapse,
        edge: &super::synapse::Edge,
        values: &[(usize, Value)],
        prefix: &str,
        relay: Option<usize>,
        relays: &[(usize, Layer)],
    ) -> Plasticity {
        let own = &edge.checked.neuron;
        // The drives that are read, in a new order: first those of the source.
        let mut reads = Vec::new();
        let mut drives = Vec::new();
        let mut source_order = BTreeMap::new();
        for (drive, name) in &edge.of_source {
            let count = self.network.layers.len();
            let model = relay.and_then(|layer| relays.get(layer - count)).and_then(|(_, l)| self.neurons.get(l.neuron));
            let state = model.and_then(|n| n.states.iter().position(|s| s.quantity.name == *name));
            if let (Some(relay), Some(state), Some(quantity)) = (relay, state, own.drives.get(*drive)) {
                source_order.insert(*drive, reads.len());
                reads.push(ConnectionRead::Source(relay, state));
                drives.push(quantity.clone());
            }
        }
        // A spike arrives at the beginning of a step: there it finds the target as it was. A spike of the target comes at the
        // end, and what it does itself to a state of the target is not seen at the connections yet.
        let mut order_of = |stage: Stage| {
            let mut order = source_order.clone();
            let of_synapse = edge.of_target.iter().map(|(drive, name)| (*drive, format!("{prefix}{name}")));
            for (drive, name) in of_synapse.chain(edge.of_neuron.iter().cloned()) {
                let index = self.network.layers.get(p.target).map(|l| l.neuron);
                let Some(neuron) = index.and_then(|i| self.neurons.get_mut(i)) else { continue };
                let Some(state) = neuron.states.iter().position(|s| s.quantity.name == name) else { continue };
                let value = neuron.arena.leaf(Leaf::State(state as u16));
                let quantity = neuron.states[state].quantity.clone();
                let known = neuron.outputs.iter().position(|o| o.stage == stage && o.value == value);
                let output = known.unwrap_or_else(|| {
                    let what = if stage == Stage::Start { "before_step" } else { "before_reset" };
                    let quantity = Quantity { name: format!("{what}({})", quantity.name), ..quantity };
                    neuron.outputs.push(Output { quantity, value, stage });
                    neuron.outputs.len() - 1
                });
                order.insert(drive, reads.len());
                reads.push(ConnectionRead::Target(output));
                drives.extend(
                    own.drives
                        .get(drive)
                        .map(|q| Quantity { name: format!("{}_{}", q.name, reads.len()), ..q.clone() }),
                );
            }
            order
        };
        let at_arrival = order_of(Stage::Start);
        let at_spike = order_of(Stage::BeforeReset);
        let mut base = own.clone();
        base.is_library = false;
        base.events.clear();
        base.lets.clear();
        for (i, value) in values {
            if let Some(parameter) = base.parameters.get_mut(*i) {
                parameter.value = *value;
            }
        }
        for parameter in &mut base.parameters {
            (parameter.trainable, parameter.per_neuron) = (false, false);
        }
        base.drives = drives;
        let mut renumbered = |order: &BTreeMap<usize, usize>| -> BTreeMap<ExprId, ExprId> {
            let pair = |(&old, &new): (&usize, &usize)| {
                let (old, new) = (Leaf::Drive(old as u16), Leaf::Drive(new as u16));
                (base.arena.leaf(old), base.arena.leaf(new))
            };
            order.iter().map(pair).collect()
        };
        let (at_arrival, at_spike) = (renumbered(&at_arrival), renumbered(&at_spike));
        let zero = base.arena.constant(0.0);
        let one = base.arena.constant(1.0);
        let initial: Vec<(String, Dimension, f64)> = own
            .states
            .iter()
            .skip(1)
            .map(|s| {
                let value = own.arena.constant_value(s.initial).unwrap_or(0.0);
                (s.quantity.name.clone(), s.quantity.dimension, value)
            })
            .collect();
        let flows = own.states.iter().any(|s| own.arena.constant_value(s.rhs) != Some(0.0));
        let ons: Vec<(usize, Vec<Assign>)> =
            std::mem::take(&mut base.on).into_iter().map(|on| (on.event, on.body)).collect();
        let make = |this: &mut Self, what: &str, body: Option<Vec<Assign>>| {
            let map = if what == "on_pre" { &at_arrival } else { &at_spike };
            let mut neuron = base.clone();
            match body {
                Some(body) => {
                    // The block stands in a step without arrivals: it is carried out whatever arrives.
                    neuron.events.push(Quantity {
                        name: ARRIVAL.into(),
                        docs: Vec::new(),
                        dimension: Default::default(),
                        span: neuron.span,
                    });
                    let substituted =
                        body.into_iter().map(|a| Assign { value: neuron.arena.substitute(a.value, map), ..a });
                    let body = substituted.collect();
                    neuron.on = vec![On { event: 0, body }];
                    for state in &mut neuron.states {
                        (state.rhs, state.coefficient) = (zero, one);
                    }
                }
                None => {
                    for state in &mut neuron.states {
                        state.rhs = neuron.arena.substitute(state.rhs, map);
                        state.coefficient = neuron.arena.substitute(state.coefficient, map);
                    }
                }
            }
            neuron.name = this.free_name(&format!("{}_{}_{what}", synapse.name, p.name));
            this.neurons.push(neuron);
            this.neurons.len() - 1
        };
        let port = |name: &str| own.events.iter().position(|e| e.name == name);
        let body = |name: &str| ons.iter().find(|on| Some(on.0) == port(name)).map(|on| on.1.clone());
        let on_pre = body(ARRIVAL).map(|body| make(self, "on_pre", Some(body)));
        let on_post = body(super::synapse::SPIKE).map(|body| make(self, "on_post", Some(body)));
        let flow = flows.then(|| make(self, "flow", None));
        Plasticity { states: initial, reads, on_pre, on_post, flow }
    }

    /// A population before the connections of `p`, with what its model needs of the source.
    fn relay(
        &mut self,
        p: &Projection,
        mut neuron: Neuron,
        synapse: &CheckedSynapse,
        relays: &mut Vec<(usize, Layer)>,
        projections: &mut Vec<Projection>,
    ) -> usize {
        let name = format!("{}_pre", p.name);
        neuron.name = self.free_name(&format!("{}_{name}", synapse.name));
        // Relays are numbered behind all layers until they are put into their places.
        let layer = self.network.layers.len() + relays.len();
        let index = self.neurons.len();
        let size = self.network.source_size(p.source);
        let from = |signal, port, name: String, unit| Projection {
            name,
            signal,
            sources: 0..size,
            target: layer,
            targets: 0..size,
            port,
            unit,
            connectivity: Connectivity::OneToOne,
            synapse: None,
            tied: None,
            through: String::new(),
            plasticity: None,
            bias: false,
            sign: None,
            no_self: false,
            frozen: true,
            rate: 1.0,
            clip: [f64::NEG_INFINITY, f64::INFINITY],
            initial: Initialiser::Constant(1.0),
            initial_text: "constant(1)".into(),
            ..p.clone()
        };
        let source = match p.source {
            Source::Layer(i) => self.model(i),
            Source::Input(_) => None,
        };
        let arrives = !neuron.on.is_empty() || neuron.outputs.iter().any(|o| o.stage == Stage::Start);
        if arrives {
            projections.push(from(Signal::Spikes, 0, format!("{name}_spikes"), Default::default()));
        }
        let roots =
            neuron.states.iter().flat_map(|s| [s.rhs, s.coefficient]).chain(neuron.outputs.iter().map(|o| o.value));
        let roots: Vec<ExprId> = roots.chain(neuron.on.iter().flat_map(|on| &on.body).map(|a| a.value)).collect();
        let is_read = |drive: usize| {
            let leaf = Leaf::Drive(drive as u16);
            roots.iter().any(|&root| neuron.arena.depends_on(root, leaf))
        };
        for read in synapse.reads_source.iter().filter(|read| is_read(read.drive)) {
            let name_there = source_name(&read.name, PRE);
            let state = source.and_then(|n| n.states.iter().position(|s| s.quantity.name == name_there));
            let port = neuron.events.len() + read.drive;
            projections.push(from(
                Signal::State(state.unwrap_or(0)),
                port,
                format!("{name}_{name_there}"),
                Default::default(),
            ));
        }
        self.neurons.push(neuron);
        let span = self.network.layers.get(p.target).map_or(self.network.span, |l| l.span);
        relays
            .push((p.target, Layer { name, span, size, grid: None, neuron: index, values: Vec::new(), dropout: 0.0 }));
        layer
    }

    /// Puts the relays before the layers they lead to.
    fn insert(&mut self, relays: Vec<(usize, Layer)>) {
        let count = self.network.layers.len();
        let layers = std::mem::take(&mut self.network.layers).into_iter().enumerate();
        let mut all: Vec<(usize, usize, Layer)> = layers.map(|(k, layer)| (2 * k + 1, k, layer)).collect();
        all.extend(relays.into_iter().enumerate().map(|(k, (target, layer))| (2 * target, count + k, layer)));
        all.sort_by_key(|(place, k, _)| (*place, *k));
        let mut places = vec![0; all.len()];
        for (new, (_, old, _)) in all.iter().enumerate() {
            places[*old] = new;
        }
        self.network.layers = all.into_iter().map(|(_, _, layer)| layer).collect();
        for p in &mut self.network.projections {
            p.target = places[p.target];
            if let Source::Layer(layer) = &mut p.source {
                *layer = places[*layer];
            }
            for read in p.plasticity.iter_mut().flat_map(|rule| &mut rule.reads) {
                if let ConnectionRead::Source(layer, _) = read {
                    *layer = places[*layer];
                }
            }
        }
        for node in &mut self.network.program.nodes {
            if let ProgramNode::Observe { layer, observable: _ } = node {
                *layer = places[*layer];
            }
        }
    }
}

/// Whether one set of states serves the sum of several projections: everything that arrives adds up.
fn is_linear(synapse: &CheckedSynapse) -> bool {
    let neuron = &synapse.post.neuron;
    // Where weights change, each projection has traces of its own.
    if synapse.edge.is_some() || synapse.spike.is_some() {
        return false;
    }
    let mut arena = neuron.arena.clone();
    let own: Vec<Leaf> = (0..neuron.states.len())
        .map(|i| Leaf::State(i as u16))
        .chain((0..neuron.events.len()).map(|i| Leaf::Event(i as u16)))
        .chain(synapse.routes.iter().filter_map(|r| match r.port {
            Arrives::Drive(drive) => Some(Leaf::Drive(drive as u16)),
            Arrives::Event(_) => None,
        }))
        .collect();
    let mut homogeneous = |root: ExprId| {
        // Affine in each with slopes that read none of them, and zero where all are zero.
        let mut rest = root;
        for &leaf in &own {
            let Some(form) = arena.affine_in(rest, leaf) else { return false };
            if own.iter().any(|&other| arena.depends_on(form.slope, other)) {
                return false;
            }
            rest = form.offset;
        }
        arena.constant_value(rest) == Some(0.0)
    };
    let states = neuron.states.iter().all(|s| {
        let free = own.iter().all(|&leaf| !neuron.arena.depends_on(s.coefficient, leaf));
        free && s.noise.is_none() && homogeneous(s.rhs)
    });
    let events = neuron.on.iter().flat_map(|on| &on.body).all(|a| a.kind != AssignKind::Set && homogeneous(a.value));
    let starts = neuron.states.iter().all(|s| neuron.arena.constant_value(s.initial) == Some(0.0));
    states && events && starts && synapse.output.is_some_and(|(output, _)| homogeneous(output))
}

/// A prefix with which no name is taken.
fn free_prefix(source: &str, own: &[&str], taken: &BTreeSet<String>) -> String {
    let mut prefix = format!("{source}_");
    let mut k = 2;
    while own.iter().any(|name| taken.contains(&format!("{prefix}{name}"))) {
        prefix = format!("{source}_{k}_");
        k += 1;
    }
    prefix
}

/// Adds the target's part of a synapse to a neuron; returns the ports of its routes.
fn fold(neuron: &mut Neuron, synapse: &CheckedSynapse, key: &Key, prefix: &str) -> Vec<Arrives> {
    let post = &synapse.post.neuron;
    let (parameters, states) = (neuron.parameters.len(), neuron.states.len());
    let (events, drives) = (neuron.events.len(), neuron.drives.len());
    let named = |q: &Quantity| Quantity { name: format!("{prefix}{}", q.name), ..q.clone() };
    for (i, parameter) in post.parameters.iter().enumerate() {
        let value = key.values.iter().find(|v| v.0 == i).map_or(parameter.value, |v| v.1);
        neuron.parameters.push(Parameter { quantity: named(&parameter.quantity), value, ..parameter.clone() });
    }
    // Drives of the synapse are states of the neuron, or new drives for sums.
    let mut drive_leaves: BTreeMap<usize, Leaf> = BTreeMap::new();
    for read in &synapse.reads {
        if let Some(state) = neuron.states.iter().position(|s| s.quantity.name == read.name) {
            drive_leaves.insert(read.drive, Leaf::State(state as u16));
        }
    }
    for (i, drive) in post.drives.iter().enumerate() {
        drive_leaves.entry(i).or_insert_with(|| {
            neuron.drives.push(named(drive));
            Leaf::Drive((neuron.drives.len() - 1) as u16)
        });
    }
    // Event ports that nothing arrives at are left out, and the one that stands for a spike of the target.
    let arriving: Vec<usize> = synapse
        .routes
        .iter()
        .filter_map(|r| match r.port {
            Arrives::Event(event) => Some(event),
            Arrives::Drive(_) => None,
        })
        .collect();
    neuron.events.extend(arriving.iter().filter_map(|&event| post.events.get(event)).map(named));
    let new_event = |event: usize| events + arriving.iter().position(|&e| e == event).unwrap_or(0);
    let arena = &mut neuron.arena;
    let mut take = |root: ExprId| {
        arena.import(&post.arena, root, |arena, leaf| {
            arena.leaf(match leaf {
                Leaf::Parameter(i) => Leaf::Parameter(i + parameters as u16),
                Leaf::State(i) => Leaf::State(i + states as u16),
                Leaf::Noise(i) => Leaf::Noise(i + states as u16),
                Leaf::Event(i) => Leaf::Event(new_event(usize::from(i)) as u16),
                Leaf::Drive(i) => drive_leaves.get(&usize::from(i)).copied().unwrap_or(leaf),
                other => other,
            })
        })
    };
    let new_states: Vec<State> = post
        .states
        .iter()
        .map(|s| State {
            quantity: named(&s.quantity),
            initial: take(s.initial),
            coefficient: take(s.coefficient),
            rhs: take(s.rhs),
            noise: s.noise.map(&mut take),
            ..s.clone()
        })
        .collect();
    let mut new_on = Vec::new();
    let mut at_spike = Vec::new();
    for on in &post.on {
        let body = on.body.iter().map(|a| Assign { state: a.state + states, value: take(a.value), ..*a });
        if Some(on.event) == synapse.spike {
            at_spike.extend(body);
        } else {
            new_on.push(On { event: new_event(on.event), body: body.collect() });
        }
    }
    let output = synapse.output.map(|(output, _)| take(output));
    if let Some(output) = output {
        flow(neuron, key.drive, output);
    }
    if let Some(spike) = &mut neuron.spike {
        spike.reset.extend(at_spike);
    }
    neuron.states.extend(new_states);
    neuron.on.extend(new_on);
    let arrives = |route: &super::synapse::Route| match route.port {
        Arrives::Event(event) => Arrives::Event(new_event(event)),
        Arrives::Drive(drive) => match drive_leaves.get(&drive) {
            Some(Leaf::Drive(i)) => Arrives::Drive(usize::from(*i)),
            _ => Arrives::Drive(drives),
        },
    };
    synapse.routes.iter().map(arrives).collect()
}

/// Adds what flows into a drive wherever it is read.
fn flow(neuron: &mut Neuron, drive: usize, output: ExprId) {
    let arena = &mut neuron.arena;
    let leaf = arena.leaf(Leaf::Drive(drive as u16));
    let sum = arena.add(leaf, output);
    let replacement = BTreeMap::from([(leaf, sum)]);
    let mut replace = |id: &mut ExprId| {
        if arena.depends_on(*id, Leaf::Drive(drive as u16)) {
            *id = arena.substitute(*id, &replacement);
        }
    };
    for state in &mut neuron.states {
        [&mut state.initial, &mut state.coefficient, &mut state.rhs].into_iter().for_each(&mut replace);
        state.noise.iter_mut().for_each(&mut replace);
    }
    neuron.lets.iter_mut().map(|l| &mut l.1).for_each(&mut replace);
    neuron.on.iter_mut().flat_map(|on| &mut on.body).map(|a| &mut a.value).for_each(&mut replace);
    if let Some(spike) = &mut neuron.spike {
        [&mut spike.lhs, &mut spike.rhs, &mut spike.scale].into_iter().for_each(&mut replace);
        spike.reset.iter_mut().map(|a| &mut a.value).for_each(&mut replace);
    }
    neuron.outputs.iter_mut().map(|o| &mut o.value).for_each(&mut replace);
}

/// The model of a relay, and for each route the output that it sends.
fn relay_model(
    synapse: &CheckedSynapse,
    relay: &super::neuron::Checked,
    values: &[(usize, Value)],
) -> (Neuron, Vec<Option<usize>>) {
    let mut neuron = relay.neuron.clone();
    neuron.is_library = false;
    for (i, value) in values {
        if let Some(parameter) = neuron.parameters.get_mut(*i) {
            parameter.value = *value;
        }
    }
    let port = neuron.events.iter().position(|e| e.name == ARRIVAL).unwrap_or(0);
    let spike = neuron.arena.leaf(Leaf::Event(port as u16));
    let body: Vec<Assign> = neuron.on.iter().flat_map(|on| on.body.clone()).collect();
    // An assignment is carried out where a spike arrives: x = e is x += s (e - x).
    let scaled = |arena: &mut Arena, assign: &Assign| match assign.kind {
        AssignKind::Set => {
            let own = arena.leaf(Leaf::State(assign.state as u16));
            let difference = arena.subtract(assign.value, own);
            Assign { kind: AssignKind::Add, value: arena.multiply(spike, difference), ..*assign }
        }
        _ => Assign { value: arena.multiply(spike, assign.value), ..*assign },
    };
    let arena = &mut neuron.arena;
    let scaled: Vec<Assign> = body.iter().map(|assign| scaled(arena, assign)).collect();
    neuron.on = if scaled.is_empty() { Vec::new() } else { vec![On { event: port, body: scaled.clone() }] };
    let find = |neuron: &Neuron, name: &str| neuron.lets.iter().find(|l| l.0 == name).map(|l| l.1);
    let mut outputs = Vec::new();
    for route in &synapse.routes {
        let output = match &route.sent {
            Sent::Amplitude(after) => find(&neuron, super::synapse::AMPLITUDE).map(|value| {
                // The states as they are after so many assignments of a spike.
                let arena = &mut neuron.arena;
                let leaves: Vec<ExprId> = (0..neuron.states.len()).map(|i| arena.leaf(Leaf::State(i as u16))).collect();
                let mut now = leaves.clone();
                for assign in scaled.iter().take(*after) {
                    let map = leaves.iter().copied().zip(now.iter().copied()).collect();
                    let value = arena.substitute(assign.value, &map);
                    if let Some(state) = now.get_mut(assign.state) {
                        *state = match assign.kind {
                            AssignKind::Subtract => arena.subtract(*state, value),
                            _ => arena.add(*state, value),
                        };
                    }
                }
                let map = leaves.iter().copied().zip(now.iter().copied()).collect();
                let value = arena.substitute(value, &map);
                (arena.multiply(spike, value), Stage::Start)
            }),
            Sent::Let(name) => find(&neuron, name).map(|value| (value, Stage::AfterEvents)),
            Sent::Spikes | Sent::State(_) => None,
        };
        outputs.push(output.map(|(value, stage)| {
            let quantity = Quantity {
                name: format!("sent_{}", neuron.outputs.len() + 1),
                docs: Vec::new(),
                dimension: Default::default(),
                span: neuron.span,
            };
            neuron.outputs.push(Output { quantity, value, stage });
            neuron.outputs.len() - 1
        }));
    }
    neuron.lets.clear();
    (neuron, outputs)
}
