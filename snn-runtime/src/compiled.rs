//! A kernel from generated code as a [`Neuron`] for the engine.

use crate::Real;
use crate::neuron::{Adjoint, Kernel, Neuron, NeuronLayout, Step};
use crate::simd::{Loops, dispatch};
use std::marker::PhantomData;

/// Wraps a [`Kernel`]: each step runs in the clone of its loops for the instruction set in force (see [`crate::simd`]).
#[derive(Clone, Debug)]
pub struct Compiled<K> {
    kernel: K,
    layout: NeuronLayout,
}

impl<K: Kernel> Compiled<K> {
    /// Wraps a kernel.
    pub fn new(kernel: K) -> Self {
        let layout = kernel.layout();
        Self { kernel, layout }
    }
}

/// Behind a pointer: a step has too many arguments to be moved for nothing.
struct StepLoops<'a, 'b, K, R>(&'a mut Step<'b, R>, PhantomData<K>);

impl<K: Kernel, R: Real> Loops for StepLoops<'_, '_, K, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        K::step(self.0.reborrow());
    }
}

struct AdjointLoops<'a, 'b, K, R>(&'a mut Adjoint<'b, R>, PhantomData<K>);

impl<K: Kernel, R: Real> Loops for AdjointLoops<'_, '_, K, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        K::adjoint(self.0.reborrow());
    }
}

impl<K: Kernel, R: Real> Neuron<R> for Compiled<K> {
    fn layout(&self) -> &NeuronLayout {
        &self.layout
    }
    fn smooth(&self) -> bool {
        false
    }
    fn refractory_steps(&self, dt: f64) -> u32 {
        self.kernel.refractory_steps(dt)
    }
    fn coefficients(&self, dt: f64, parameters: &[f64], coefficients: &mut [f64]) {
        self.kernel.coefficients(dt, parameters, coefficients);
    }
    fn chain(&self, dt: f64, parameters: &[f64], coefficient_gradient: &[f64], parameter_gradient: &mut [f64]) {
        self.kernel.chain(dt, parameters, coefficient_gradient, parameter_gradient);
    }
    fn step(&self, mut step: Step<'_, R>) {
        dispatch(StepLoops::<K, R>(&mut step, PhantomData));
    }
    fn adjoint(&self, mut adjoint: Adjoint<'_, R>) {
        dispatch(AdjointLoops::<K, R>(&mut adjoint, PhantomData));
    }
}
