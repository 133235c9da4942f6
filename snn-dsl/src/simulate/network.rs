//! A network without a Rust compiler: window by window on the engine that runs generated code, with interpreted neurons.

use super::error::{Error, Place};
use super::grid::Grid;
use super::inputs::Inputs;
use super::population::settable;
use super::protocol::Input;
use super::recording::{Recording, Spike, Trace};
use crate::diagnostic::closest;
use crate::interpret;
use crate::model::{self, Model, Neuron, Value};
use crate::source::{FileId, Span};
use snn_runtime::connectivity::Connectivity;
use snn_runtime::graph::{self, Graph, InputKind, Source};
use snn_runtime::initialise::Initialiser;
use snn_runtime::ndarray::Array3;
use snn_runtime::{Batch, InputData, Network, ParameterSet, Real, Simulation, SpikeTrain};
use std::path::PathBuf;

/// How a network is run, and what is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkProtocol {
    /// The time step in ms; that of the text if `None`.
    pub dt: Option<f64>,
    /// The length in ms; that of the text if `None`.
    pub duration: Option<f64>,
    /// Where random numbers begin: parameters, connections, inputs, noise.
    pub seed: u64,
    /// Values of parameters of layers: `(layer, parameter, value)`.
    pub set: Vec<(String, String, Value)>,
    /// What arrives from outside: `(layer, port, input)`, or `(input of the network, "", input)`.
    pub inputs: Vec<(String, String, Input)>,
    /// The states to record: `(layer, state)`.
    pub record: Vec<(String, String)>,
    /// Where relative paths of files of connections begin; the current folder if empty.
    pub folder: PathBuf,
    /// So many neurons of a layer have their states recorded, from the first; spikes are recorded of all.
    pub recorded_neurons: usize,
}

impl Default for NetworkProtocol {
    /// As the text says, without input from outside; spikes only.
    fn default() -> Self {
        Self {
            dt: None,
            duration: None,
            seed: 0,
            set: Vec::new(),
            inputs: Vec::new(),
            record: Vec::new(),
            folder: PathBuf::new(),
            recorded_neurons: usize::MAX,
        }
    }
}

/// What is left of the run of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkRecording<R> {
    /// The name of the network.
    pub name: String,
    /// When.
    pub grid: Grid,
    /// A recording for each layer, with its name as that of the model.
    pub layers: Vec<Recording<R>>,
    /// The number of connections.
    pub connections: usize,
    /// The bytes of the lists of connections and of the weights.
    pub connection_bytes: usize,
    /// The number of spikes that arrived at a neuron.
    pub synaptic_events: u64,
    /// The weights that changed.
    pub plastic: Vec<PlasticWeights<R>>,
}

/// The weights of a projection that changed by a rule of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct PlasticWeights<R> {
    /// The projection.
    pub name: String,
    /// The unit of the weights; empty for numbers without unit.
    pub unit: String,
    /// At the beginning, in the order in which they are stored.
    pub before: Vec<R>,
    /// At the end.
    pub after: Vec<R>,
}

impl<R> NetworkRecording<R> {
    /// The recording of a layer.
    pub fn layer(&self, name: &str) -> Option<&Recording<R>> {
        self.layers.iter().find(|l| l.model == name)
    }
}

/// The neuron model of a layer.
///
/// # Errors
/// If there is no such layer.
pub fn layer_neuron<'m>(
    model: &'m Model,
    network: &model::Network,
    place: impl FnOnce() -> Place,
    name: &str,
) -> Result<(usize, &'m Neuron), Error> {
    let names = || network.layers.iter().map(|l| l.name.as_str());
    let found = names().position(|n| n == name);
    let neuron = found.and_then(|i| Some((i, model.neurons.get(network.layers.get(i)?.neuron)?)));
    neuron.ok_or_else(|| {
        let help = match closest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has `{}`", names().collect::<Vec<_>>().join("`, `")),
        };
        Error::new(place(), format!("expected a layer of `{}`, found `{name}`", network.name)).help(help)
    })
}

/// Runs a network; `load` may replace its starting parameters, e.g. by trained ones.
///
/// # Errors
/// If the protocol does not fit the network, or a state becomes infinite or NaN.
pub fn run_network<R: Real>(
    model: &Model,
    network: &model::Network,
    protocol: &NetworkProtocol,
    load: impl FnOnce(&mut ParameterSet<R>, &str) -> Result<(), String>,
) -> Result<NetworkRecording<R>, Error> {
    let dt = protocol.dt.unwrap_or(network.dt);
    let grid = Grid::new(dt, protocol.duration.unwrap_or(network.dt * network.steps as f64))?;
    let mut description = network.clone();
    for (layer, parameter, value) in &protocol.set {
        let place = || Place::Set(format!("{layer}.{parameter}"));
        let (index, neuron) = layer_neuron(model, network, place, layer)?;
        let parameter = settable(neuron, parameter, *value).map_err(|e| Error { place: place(), ..e })?;
        let Some(layer) = description.layers.get_mut(index) else { continue };
        layer.values.retain(|v| v.0 != parameter);
        layer.values.push((parameter, *value));
    }
    let failed = |e: snn_runtime::Error| Error::new(Place::Run, e.to_string());
    // A trained network is recognised without what is done to it here.
    let hash = crate::derive::identity(model, network);
    let mut graph = interpret::graph::<R>(model, &description);
    graph.program = snn_runtime::loss::Program { nodes: Vec::new(), losses: Vec::new(), readouts: Vec::new() };
    graph.targets.clear();
    graph.read_edges(&protocol.folder).map_err(failed)?;
    reseed(&mut graph, protocol.seed);
    let mut outside = Outside::new(model, network, grid, protocol, &mut graph)?;
    let neurons: usize = graph.populations.iter().map(|p| p.size).sum();
    let window = (1 << 20) / neurons.max(1);
    let steps = window.clamp(1, 1000).min(grid.steps);
    let engine = Network::with_simulation(graph, Simulation { dt, steps }).map_err(failed)?;
    let mut parameters = engine.initial_parameters(protocol.seed);
    load(&mut parameters, &hash).map_err(|message| Error::new(Place::Run, message))?;
    outside.pass(&mut parameters);
    let mut session = engine.session(&parameters).map_err(failed)?;
    session.set_noise_seed(protocol.seed);
    let mut recorder = Recorder::new(model, network, grid, protocol)?;
    recorder.start(&session);
    let recording = recorder.wanted();
    let mut synaptic_events = 0;
    for start in (0..grid.steps).step_by(steps) {
        // The last window may go beyond the end.
        let used = steps.min(grid.steps - start);
        outside.window(start, steps);
        let inputs = outside.data();
        let batch = Batch { size: 1, inputs, targets: Vec::new() };
        let readouts = session.run(&batch, &recording).map_err(failed)?;
        synaptic_events += readouts.synaptic_operations();
        recorder.window(network, &readouts, start, used);
    }
    let plastic = network.projections.iter().filter(|p| p.plasticity.is_some()).enumerate().map(|(rule, p)| {
        use snn_runtime::Parameters;
        let tensor = parameters.layout().find(&format!("{}.weight", p.name)).map(|t| t.range.clone());
        let before = tensor.and_then(|range| parameters.values().get(range)).unwrap_or(&[]).to_vec();
        let after = session.carry().connections(0, rule).unwrap_or(&[]);
        let after = after.get(..before.len()).unwrap_or(&[]).to_vec();
        PlasticWeights { name: p.name.clone(), unit: p.unit.base_unit(), before, after }
    });
    let plastic = plastic.collect();
    Ok(NetworkRecording {
        plastic,
        name: network.name.clone(),
        grid,
        layers: recorder.layers,
        connections: engine.connections() - outside.connections(),
        connection_bytes: engine.connection_bytes()
            + (snn_runtime::Parameters::values(&parameters).len() - outside.connections()) * size_of::<R>(),
        synaptic_events,
    })
}

/// Another seed gives other connections.
fn reseed<R>(graph: &mut Graph<R>, by: u64) {
    for p in &mut graph.projections {
        match &mut p.connectivity {
            Connectivity::Random { seed, .. }
            | Connectivity::FixedIndegree { seed, .. }
            | Connectivity::FixedOutdegree { seed, .. } => *seed = seed.wrapping_add(by),
            _ => {}
        }
        if let graph::Delay::Uniform { seed, .. } = &mut p.delay {
            *seed = seed.wrapping_add(by);
        }
    }
}

/// What arrives from outside: at the inputs of the network, and at ports of its layers, which get an input of their own.
struct Outside<R> {
    /// Per input of the engine.
    inputs: Vec<External<R>>,
    /// Of the network itself; the others are projections with weight 1.
    own: usize,
}

struct External<R> {
    /// The name in the graph.
    name: String,
    source: Inputs<R>,
    size: usize,
    /// The row of the source: an event port or a drive.
    port: Port,
    values: bool,
    /// Of a window.
    train: SpikeTrain,
    numbers: Array3<f64>,
}

impl<R> External<R> {
    fn data(&self) -> InputData<'_> {
        match self.values {
            true => InputData::Values(self.numbers.view().into()),
            false => InputData::Spikes(std::slice::from_ref(&self.train)),
        }
    }
}

#[derive(Clone, Copy)]
enum Port {
    Event(usize),
    Drive(usize),
}

impl<R: Real> Outside<R> {
    fn new(
        model: &Model,
        network: &model::Network,
        grid: Grid,
        protocol: &NetworkProtocol,
        graph: &mut Graph<R>,
    ) -> Result<Self, Error> {
        let mut inputs = Vec::new();
        for declared in &network.inputs {
            let stub = stub(&declared.name, declared.is_values);
            let own = protocol.inputs.iter().filter(|i| i.0 == declared.name && i.1.is_empty());
            let list: Vec<(String, Input)> = own.map(|i| (declared.name.clone(), i.2.clone())).collect();
            inputs.push(External {
                name: declared.name.clone(),
                source: Inputs::new(&stub, grid, declared.size, protocol.seed, &list)?,
                size: declared.size,
                port: if declared.is_values { Port::Drive(0) } else { Port::Event(0) },
                values: declared.is_values,
                train: SpikeTrain::new(),
                numbers: Array3::zeros((0, 0, 0)),
            });
        }
        let own = inputs.len();
        for (name, _, _) in protocol.inputs.iter().filter(|i| i.1.is_empty()) {
            if network.inputs.iter().all(|i| i.name != *name) {
                let names: Vec<&str> = network.inputs.iter().map(|i| i.name.as_str()).collect();
                let message = format!("expected an input of `{}` or `LAYER.PORT`, found `{name}`", network.name);
                let help = match closest(name, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if names.is_empty() => "it has no inputs; a layer has ports: `LAYER.PORT=...`".into(),
                    None => format!("it has `{}`", names.join("`, `")),
                };
                return Err(Error::new(Place::Input(name.clone()), message).help(help));
            }
        }
        for (index, layer) in network.layers.iter().enumerate() {
            let Some(neuron) = model.neurons.get(layer.neuron) else { continue };
            let of_layer = || protocol.inputs.iter().filter(|i| i.0 == layer.name && !i.1.is_empty());
            // The numbers of a layer depend on its place, so that equal layers get others.
            let seed = protocol.seed.wrapping_add((index as u64 + 1) << 32);
            let mut ports: Vec<&str> = of_layer().map(|i| i.1.as_str()).collect();
            ports.sort_unstable();
            ports.dedup();
            for (k, port) in ports.into_iter().enumerate() {
                let list: Vec<(String, Input)> =
                    of_layer().filter(|i| i.1 == port).map(|i| (i.1.clone(), i.2.clone())).collect();
                let source = Inputs::new(neuron, grid, layer.size, seed.wrapping_add((k as u64) << 48), &list)
                    .map_err(|e| {
                        let place = Place::Input(format!("{}.{port}", layer.name));
                        Error { place, ..e }
                    })?;
                let event = neuron.events.iter().position(|e| e.name == port);
                let drive = neuron.drives.iter().position(|e| e.name == port);
                let Some(row) = event.map(Port::Event).or(drive.map(Port::Drive)) else { continue };
                let number = match row {
                    Port::Event(event) => event,
                    Port::Drive(drive) => neuron.events.len() + drive,
                };
                let name = format!("outside {}.{port}", layer.name);
                graph.inputs.push(graph::Input { name: name.clone(), size: layer.size, kind: InputKind::Values });
                graph.projections.push(graph::Projection {
                    connectivity: Connectivity::OneToOne,
                    initial: Initialiser::Constant(1.0),
                    frozen: true,
                    ..graph::Projection::new(&name, Source::Input(inputs.len()), index, number)
                });
                inputs.push(External {
                    name,
                    source,
                    size: layer.size,
                    port: row,
                    values: true,
                    train: SpikeTrain::new(),
                    numbers: Array3::zeros((0, 0, 0)),
                });
            }
        }
        if let Some((layer, port, _)) =
            protocol.inputs.iter().find(|i| !i.1.is_empty() && network.layers.iter().all(|l| l.name != i.0))
        {
            layer_neuron(model, network, || Place::Input(format!("{layer}.{port}")), layer)?;
        }
        Ok(Self { inputs, own })
    }

    /// What comes from outside arrives as it is, also in a network that is trained.
    fn pass(&self, parameters: &mut ParameterSet<R>) {
        use snn_runtime::Parameters;
        for input in self.inputs.iter().skip(self.own) {
            let tensor = parameters.layout().find(&format!("{}.weight", input.name)).map(|t| t.range.clone());
            if let Some(weights) = tensor.and_then(|range| parameters.values_mut().get_mut(range)) {
                weights.fill(R::ONE);
            }
        }
    }

    /// The connections that are not of the network.
    fn connections(&self) -> usize {
        self.inputs.iter().skip(self.own).map(|i| i.size).sum()
    }

    fn window(&mut self, start: usize, steps: usize) {
        for input in &mut self.inputs {
            if input.values {
                input.numbers = Array3::zeros((1, steps, input.size));
            }
            input.train.clear();
            for t in 0..steps {
                let (events, drives) = input.source.at(start + t);
                let row = match input.port {
                    Port::Event(i) => events.get(i * input.size..(i + 1) * input.size),
                    Port::Drive(i) => drives.get(i * input.size..(i + 1) * input.size),
                };
                let row = row.unwrap_or(&[]);
                if input.values {
                    let mut to = input.numbers.slice_mut(snn_runtime::ndarray::s![0, t, ..]);
                    to.iter_mut().zip(row).for_each(|(to, x)| *to = x.to_f64());
                } else {
                    let fired = row.iter().enumerate().filter(|(_, x)| **x != R::ZERO);
                    fired.for_each(|(i, _)| input.train.push(i as u32));
                    input.train.end_step();
                }
            }
        }
    }

    fn data(&self) -> Vec<InputData<'_>> {
        self.inputs.iter().map(External::data).collect()
    }
}

/// The place of what has no text.
const NOWHERE: Span = Span { file: FileId(0), start: 0, end: 0 };

/// A neuron whose only port is an input of a network.
fn stub(name: &str, is_drive: bool) -> Neuron {
    let port = model::Quantity { name: name.into(), docs: Vec::new(), dimension: Default::default(), span: NOWHERE };
    let (events, drives) = if is_drive { (Vec::new(), vec![port]) } else { (vec![port], Vec::new()) };
    Neuron {
        name: name.into(),
        docs: Vec::new(),
        is_library: false,
        span: NOWHERE,
        arena: Default::default(),
        parameters: Vec::new(),
        states: Vec::new(),
        events,
        drives,
        lets: Vec::new(),
        outputs: Vec::new(),
        on: Vec::new(),
        spike: None,
        refractory: None,
        integration: Default::default(),
    }
}

/// A port of a network from outside: `input` or `LAYER.PORT`.
pub(super) fn port(
    model: &Model,
    network: &model::Network,
    name: &str,
) -> Result<(String, String, model::Quantity), Error> {
    let place = || Place::Input(name.into());
    match name.split_once('.') {
        Some((layer, port)) => {
            let (_, neuron) = layer_neuron(model, network, place, layer)?;
            let quantity = super::inputs::port(neuron, port).map_err(|e| Error { place: place(), ..e })?;
            Ok((layer.into(), port.into(), quantity.clone()))
        }
        None => {
            let is_values = network.inputs.iter().find(|i| i.name == name).is_some_and(|i| i.is_values);
            let stub = stub(name, is_values);
            let quantity = stub.events.into_iter().chain(stub.drives).next();
            quantity
                .map(|quantity| (name.into(), String::new(), quantity))
                .ok_or_else(|| Error::new(place(), "expected an input"))
        }
    }
}

/// Puts the windows together.
struct Recorder<R> {
    layers: Vec<Recording<R>>,
    /// Of `layers[k].traces[j]`: the state.
    states: Vec<Vec<usize>>,
}

impl<R: Real> Recorder<R> {
    fn new(model: &Model, network: &model::Network, grid: Grid, protocol: &NetworkProtocol) -> Result<Self, Error> {
        let mut layers = Vec::new();
        for layer in &network.layers {
            let neuron = model.neurons.get(layer.neuron);
            layers.push(Recording {
                model: layer.name.clone(),
                grid,
                n: layer.size,
                traces: Vec::new(),
                spikes: Vec::new(),
                has_threshold: neuron.is_some_and(|n| n.spike.is_some()),
            });
        }
        let mut states = vec![Vec::new(); layers.len()];
        let mut size = 0;
        for (layer, name) in &protocol.record {
            let (index, neuron) = layer_neuron(model, network, || Place::Record, layer)?;
            let state = super::population::state(neuron, Place::Record, name)?;
            let (Some(list), Some(recording)) = (states.get_mut(index), layers.get_mut(index)) else { continue };
            if list.contains(&state) {
                let message = format!("state `{layer}.{name}` is given twice");
                return Err(Error::new(Place::Record, message).help("remove one of them"));
            }
            list.push(state);
            let neurons = recording.n.min(protocol.recorded_neurons);
            size += (grid.steps as u64 + 1) * neurons as u64;
            if size > super::MOST_RECORDED {
                let message = format!("expected at most {} recorded numbers, found more", super::MOST_RECORDED);
                let help = "record fewer states with `--record`, fewer neurons or a shorter time";
                return Err(Error::new(Place::Record, message).help(help));
            }
            let Some(quantity) = neuron.states.get(state).map(|s| &s.quantity) else { continue };
            recording.traces.push(Trace {
                name: quantity.name.clone(),
                unit: quantity.dimension.base_unit(),
                neurons,
                values: Vec::with_capacity((grid.steps + 1) * neurons),
            });
        }
        Ok(Self { layers, states })
    }

    fn start(&mut self, session: &snn_runtime::Session<'_, R>) {
        for (index, (layer, states)) in self.layers.iter_mut().zip(&self.states).enumerate() {
            for (trace, &state) in layer.traces.iter_mut().zip(states) {
                let values = session.initial_state(index, state).unwrap_or_default();
                trace.values.extend(values.iter().take(trace.neurons));
            }
        }
    }

    /// What a window has to give.
    fn wanted(&self) -> snn_runtime::Recording {
        let mut recording = snn_runtime::Recording::none();
        for layer in &self.layers {
            if layer.has_threshold {
                recording = recording.spikes(&layer.model);
            }
            for trace in &layer.traces {
                recording = recording.trace(&layer.model, &trace.name);
            }
        }
        recording
    }

    fn window(&mut self, network: &model::Network, readouts: &snn_runtime::Readouts<R>, start: usize, used: usize) {
        for (layer, declared) in self.layers.iter_mut().zip(&network.layers) {
            for train in readouts.spikes(&declared.name).unwrap_or(&[]) {
                let of_window = train.iter().take_while(|(t, _)| *t < used);
                layer.spikes.extend(of_window.map(|(t, neuron)| Spike { step: (start + t) as u32, neuron }));
            }
            for trace in &mut layer.traces {
                let Some(array) = readouts.trace(&declared.name, &trace.name) else { continue };
                let values = array.as_slice().unwrap_or(&[]);
                for row in values.chunks_exact(layer.n).take(used) {
                    trace.values.extend_from_slice(&row[..trace.neurons]);
                }
            }
        }
    }
}
