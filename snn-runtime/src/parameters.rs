//! The trained numbers of a network: named tensors in one flat buffer.
//!
//! Optimisers, clipping, checkpoints and safetensors see a network through [`Parameters`] and through nothing else.

use crate::Real;
use crate::connectivity::Edges;
use ndarray::{ArrayView1, ArrayView2, ArrayViewD, ArrayViewMutD, IxDyn, aview1, aview2};
use std::ops::Range;
use std::sync::Arc;

/// How optimisers change a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// A factor of the learning rate, at least 0.
    pub rate: f64,
    /// After each update, numbers below this become this.
    pub low: f64,
    /// After each update, numbers above this become this.
    pub high: f64,
}

impl Default for Update {
    /// The learning rate as it is, and no limits.
    fn default() -> Self {
        Self { rate: 1.0, low: f64::NEG_INFINITY, high: f64::INFINITY }
    }
}

impl Update {
    /// Moves numbers beyond a limit to it.
    pub(crate) fn clip<R: Real>(&self, values: &mut [R]) {
        if self.low > f64::NEG_INFINITY || self.high < f64::INFINITY {
            let (low, high) = (R::from_f64(self.low), R::from_f64(self.high));
            values.iter_mut().for_each(|x| *x = crate::math::max(crate::math::min(*x, high), low));
        }
    }
}

/// One named tensor of a [`Layout`].
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Unique in the layout, e.g. `pixel_to_hidden_exc.weight` or `hidden.tau`.
    pub name: String,
    /// Row-major; a weight is `[source neurons, target neurons]`, a bias `[target neurons]` or `[target channels]`, a parameter `[]` or `[neurons]`.
    pub shape: Vec<usize>,
    /// The unit in which the numbers count, e.g. `nA`; empty for dimensionless (and for unconstrained parameters).
    pub unit: String,
    /// Saved, but left alone by optimisers.
    pub frozen: bool,
    /// How optimisers change it.
    pub update: Update,
    /// Its place in the flat buffer.
    pub range: Range<usize>,
}

/// The tensors of a network in the order of the flat buffer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    tensors: Vec<Tensor>,
    len: usize,
    /// A hash of the connections that no description fixes; 0 if there are none.
    connections: u64,
}

impl Layout {
    /// Makes the layout, and what is saved of it, one of these connections: the same weights of others mean something else.
    pub fn add_connections(&mut self, edges: &Edges) {
        // FNV-1a, of the lengths first, so that lists cannot run into each other.
        let lists = [edges.sources.len(), edges.delays.len()].map(|n| n as u64);
        let neurons = edges.sources.iter().chain(&edges.targets).map(|&k| u64::from(k));
        let numbers = lists.into_iter().chain(neurons).chain(edges.delays.iter().map(|d| d.to_bits()));
        let begin = if self.connections == 0 { 0xcbf2_9ce4_8422_2325 } else { self.connections };
        let bytes = numbers.flat_map(u64::to_le_bytes);
        self.connections = bytes.fold(begin, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    }

    /// An empty layout of the same connections.
    #[must_use]
    pub fn without_tensors(&self) -> Self {
        Self { connections: self.connections, ..Self::default() }
    }

    /// The hash of the model in files: that of its description, and of connections if these come from elsewhere.
    pub(crate) fn hash_of(&self, model: &str) -> String {
        match self.connections {
            0 => model.into(),
            connections => format!("{model}-{connections:016x}"),
        }
    }

    /// Appends a tensor and returns its index.
    pub fn push(&mut self, name: impl Into<String>, shape: &[usize], unit: impl Into<String>, frozen: bool) -> usize {
        let size: usize = shape.iter().product();
        let range = self.len..self.len + size;
        self.len = range.end;
        let (name, unit, update) = (name.into(), unit.into(), Update::default());
        self.tensors.push(Tensor { name, shape: shape.to_vec(), unit, frozen, update, range });
        self.tensors.len() - 1
    }

    /// Says how optimisers change a tensor, by its index. Tensors with the same rule are a parameter group.
    ///
    /// # Panics
    /// If there is no such tensor.
    pub fn set_update(&mut self, tensor: usize, update: Update) {
        self.tensors[tensor].update = update;
    }

    /// All tensors, in order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The tensor of that name.
    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|t| t.name == name)
    }

    /// The length of the flat buffer.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if there is nothing to train or save.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Anything that holds the trained numbers of a network.
pub trait Parameters<R: Real> {
    /// Names, shapes and places.
    fn layout(&self) -> &Arc<Layout>;
    /// The flat buffer.
    fn values(&self) -> &[R];
    /// The flat buffer, to be written.
    fn values_mut(&mut self) -> &mut [R];

    /// The tensor of that name as an array.
    fn view(&self, name: &str) -> Option<ArrayViewD<'_, R>> {
        let tensor = self.layout().find(name)?;
        ArrayViewD::from_shape(IxDyn(&tensor.shape), self.values().get(tensor.range.clone())?).ok()
    }

    /// The tensor of that name as an array, to be written.
    fn view_mut(&mut self, name: &str) -> Option<ArrayViewMutD<'_, R>> {
        let layout = self.layout().clone();
        let tensor = layout.find(name)?;
        ArrayViewMutD::from_shape(IxDyn(&tensor.shape), self.values_mut().get_mut(tensor.range.clone())?).ok()
    }
}

/// The plain implementation of [`Parameters`]: also the type of a gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSet<R> {
    layout: Arc<Layout>,
    values: Vec<R>,
}

impl<R: Real> ParameterSet<R> {
    /// All zero.
    pub fn zeros(layout: Arc<Layout>) -> Self {
        let values = vec![R::ZERO; layout.len()];
        Self { layout, values }
    }

    /// The tensor of that name as a matrix; empty if there is no tensor of that name and of two axes.
    pub fn matrix(&self, name: &str) -> ArrayView2<'_, R> {
        let view = self.view(name).and_then(|v| v.into_dimensionality().ok());
        view.unwrap_or_else(|| aview2::<R, 0>(&[]))
    }

    /// The tensor of that name with all its axes; empty if there is none.
    pub fn tensor(&self, name: &str) -> ArrayViewD<'_, R> {
        self.view(name).unwrap_or_else(|| aview1::<R>(&[]).into_dyn())
    }

    /// The tensor of that name as a vector; empty if there is no tensor of that name and of one axis.
    pub fn vector(&self, name: &str) -> ArrayView1<'_, R> {
        let view = self.view(name).and_then(|v| v.into_dimensionality().ok());
        view.unwrap_or_else(|| aview1(&[]))
    }
}

impl<R: Real> Parameters<R> for ParameterSet<R> {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }
    fn values(&self) -> &[R] {
        &self.values
    }
    fn values_mut(&mut self) -> &mut [R] {
        &mut self.values
    }
}
