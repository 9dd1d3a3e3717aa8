//! The target `entry`: a few objects, and every operation that a foreign caller can perform on
//! them.

mod arguments;
mod call;
mod checked_recorder;
mod factory;
mod foreign;
mod foreign_store;
mod host;
mod kept;
mod objects;
mod outer;
mod payload;
mod predict;
mod program;
mod raw;
mod request;
mod script;
mod store;
mod values;
mod work;
mod world;

use program::{Op, Program};
use world::World;

/// The largest number of operations in one iteration.
const OPS: usize = 24;

/// Runs a program and compares the results with the predicted ones.
pub fn run(program: Program) {
    let mut world = World::new(&program.callbacks);
    for op in program.ops.iter().take(OPS) {
        match op {
            Op::Call(call) => call::call(&mut world, call),
            Op::Job {
                which,
                elsewhere,
                op,
            } => job(&mut world, *which, *elsewhere, op),
            Op::Raw { object, threads } => raw::raw(&world, *object, threads),
            Op::Host(plan) => host::host(&world, plan),
            Op::Query(query) => objects::query(&mut world, query),
            Op::AddRef { object, through } => objects::add_ref(&mut world, *object, *through),
            Op::Release { object, which } => objects::release(&mut world, *object, *which),
            Op::Factory(factory) => factory::factory(&mut world, factory),
        }
        world.check();
    }
    world.end();
}

fn job(world: &mut World, which: u8, elsewhere: bool, op: &program::JobOp) {
    if !world.kept.is_empty() {
        let which = usize::from(which) % world.kept.len();
        let kept = world.kept.swap_remove(which);
        world.kept.extend(kept.apply(op, elsewhere));
    }
}
