//! The model of the raw entry points: a few objects, and every operation that a foreign caller can
//! perform on them.

mod arguments;
mod call;
mod callback;
mod foreign_inner;
mod foreign_store;
mod interfaces;
mod job;
mod method;
mod objects;
mod payload;
mod program;
mod raw;
mod references;
mod request;
mod run;
mod values;
mod world;

use program::Op;
pub use program::Program;
use world::World;

/// Runs a program and compares the results with the predicted ones.
pub fn run(program: &Program) {
    let mut world = World::new(program);
    world.check();
    for op in &program.ops {
        match op {
            Op::Call(call) => call::call(&mut world, call),
            Op::Job(which, op) if !world.kept.is_empty() => {
                let which = usize::from(*which) % world.kept.len();
                let run = world.kept.swap_remove(which);
                world.kept.extend(run.apply(op, &mut world.objects));
            }
            Op::Job(..) => {}
            Op::Raw(object, call, path) => raw::raw(&world, *object, call, *path),
            Op::Host(store) => foreign_store::run(&world, store),
            Op::Reference(reference) => references::reference(&mut world, reference),
            Op::Create(result, query) => references::create(&world, result, query),
        }
        world.check();
    }
    world.end();
}
