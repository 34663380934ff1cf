//! A file system in memory that fails, dies and loses power on demand.
//!
//! What a program sees and what the disk has are two things here, as they are in a machine: a sync
//! makes the disk have what the program sees. A power cut leaves, of what was not synced, any
//! sector old or new, any length between, and any of the names; the death of the process leaves
//! everything, but for a part of the write under way. A sync that fails has marked what was
//! written as clean, so that the next one succeeds without writing it, as Linux does.

use std::collections::BTreeMap;
use std::fs::TryLockError;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Disk, OnDisk, Open};

const SECTOR: usize = 512;

/// What can be done to a disk; each is a step at which it can fail or die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::output) enum Operation {
    Create,
    Write,
    Sync,
    Cut,
    Reserve,
    Rename,
    Remove,
    SyncDirectory,
}

/// What is left of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::output) enum Death {
    OfTheProcess,
    OfThePower,
}

/// The disk. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub(in crate::output) struct Simulated(Arc<Mutex<World>>);

#[derive(Debug, Default)]
struct World {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    kept_names: BTreeMap<PathBuf, usize>,
    /// Changes of names that no sync of a directory has made sure of.
    changes: Vec<Change>,
    steps: u64,
    die_at: Option<u64>,
    dead: bool,
    /// This step fails.
    fail_at: Option<u64>,
    fault: Option<Fault>,
    /// Bytes that are free, where the disk is not endless.
    free: Option<u64>,
    rng: SeededRng,
}

/// A generator with a fixed seed, unless one is given.
#[derive(Debug)]
struct SeededRng(fastrand::Rng);

impl Default for SeededRng {
    fn default() -> Self {
        Self(fastrand::Rng::with_seed(0))
    }
}

#[derive(Debug, Default, Clone)]
struct Content {
    seen: Vec<u8>,
    kept: Vec<u8>,
    /// What a sync has to write.
    dirty: Vec<Range<usize>>,
    /// How long it can get without asking for more of the disk.
    allocated: u64,
}

#[derive(Debug, Clone)]
enum Change {
    Add(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Debug)]
struct Fault {
    operation: Operation,
    /// How many of them go well before.
    after: u64,
    /// How many fail.
    times: u64,
    kind: io::ErrorKind,
}

impl Simulated {
    pub(in crate::output) fn seeded(seed: u64) -> Self {
        let disk = Self::default();
        disk.world().rng.0 = fastrand::Rng::with_seed(seed);
        disk
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Puts a file there that has always been there.
    pub(in crate::output) fn put(&self, path: &Path, bytes: &[u8]) {
        let mut world = self.world();
        let file = world.files.len();
        world.files.push(Content {
            seen: bytes.to_vec(),
            kept: bytes.to_vec(),
            dirty: Vec::new(),
            allocated: bytes.len() as u64,
        });
        world.names.insert(path.into(), file);
        world.kept_names.insert(path.into(), file);
    }

    /// What a program would read; empty where there is no such file.
    pub(in crate::output) fn read(&self, path: &Path) -> Vec<u8> {
        let world = self.world();
        let file = world.names.get(path);
        file.map(|file| world.files[*file].seen.clone())
            .unwrap_or_default()
    }

    pub(in crate::output) fn names(&self) -> Vec<PathBuf> {
        self.world().names.keys().cloned().collect()
    }

    /// Steps that were taken so far.
    pub(in crate::output) fn steps(&self) -> u64 {
        self.world().steps
    }

    /// Nothing works any more from the step after this many on.
    pub(in crate::output) fn die_after(&self, steps: u64) {
        let mut world = self.world();
        world.die_at = Some(world.steps + steps);
    }

    pub(in crate::output) fn is_dead(&self) -> bool {
        self.world().dead
    }

    /// Lets `after` of these effects succeed, then `times` of them fail.
    pub(in crate::output) fn fail(
        &self,
        operation: Operation,
        after: u64,
        times: u64,
        kind: io::ErrorKind,
    ) {
        self.world().fault = Some(Fault {
            operation,
            after,
            times,
            kind,
        });
    }

    /// Lets the step after this many fail, once, whatever it is.
    pub(in crate::output) fn fail_at(&self, steps: u64) {
        let mut world = self.world();
        world.fail_at = Some(world.steps + steps + 1);
    }

    /// Whether that has failed as often as it was to, and fails no more.
    pub(in crate::output) fn has_failed(&self) -> bool {
        let fault = self.world().fault.take();
        fault.is_some_and(|fault| fault.times == 0)
    }

    /// Leaves this many bytes free.
    pub(in crate::output) fn leave_free(&self, bytes: Option<u64>) {
        self.world().free = bytes;
    }

    /// The bytes that are free, where that was said.
    pub(in crate::output) fn free(&self) -> Option<u64> {
        self.world().free
    }

    /// Somebody deletes the file at `path`.
    pub(in crate::output) fn unlink(&self, path: &Path) {
        self.world().names.remove(path);
    }

    /// Begins again after a death.
    pub(in crate::output) fn restart(&self, death: Death) {
        let mut world = self.world();
        if death == Death::OfThePower {
            world.lose_power();
        }
        world.dead = false;
        world.die_at = None;
    }
}

impl World {
    /// One more step; says whether it goes wrong, and leaves half a write behind then.
    fn step(&mut self, operation: Operation) -> io::Result<()> {
        self.steps += 1;
        if self.die_at.is_some_and(|at| at < self.steps) {
            self.dead = true;
        }
        if self.dead {
            return Err(io::Error::other("the process is dead"));
        }
        if self.fail_at == Some(self.steps) {
            return Err(io::Error::other("the disk refuses"));
        }
        let Some(fault) = &mut self.fault else {
            return Ok(());
        };
        if fault.operation != operation {
            return Ok(());
        }
        if 0 < fault.after {
            fault.after -= 1;
            return Ok(());
        }
        if fault.times == 0 {
            return Ok(());
        }
        fault.times -= 1;
        Err(fault.kind.into())
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }

    fn lose_power(&mut self) {
        let rng = &mut self.rng.0;
        // A journal loses the last changes; other file systems may lose any of them.
        let in_order = rng.bool();
        let survive = rng.usize(0..=self.changes.len());
        for (nth, change) in self.changes.drain(..).enumerate() {
            let survives = if in_order { nth < survive } else { rng.bool() };
            if survives {
                change.apply(&mut self.kept_names);
            }
        }
        self.names = self.kept_names.clone();
        for file in &mut self.files {
            file.lose_power(rng);
        }
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Add(path, file) => drop(names.insert(path.clone(), *file)),
            Self::Remove(path) => drop(names.remove(path)),
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

impl Content {
    fn lose_power(&mut self, rng: &mut fastrand::Rng) {
        if self.seen != self.kept {
            let (short, long) = if self.seen.len() < self.kept.len() {
                (self.seen.len(), self.kept.len())
            } else {
                (self.kept.len(), self.seen.len())
            };
            let len = match rng.u8(0..4) {
                0 => self.kept.len(),
                1 => self.seen.len(),
                _ => rng.usize(short..=long),
            };
            let mut left = vec![0; len];
            let newer = rng.f64();
            for start in (0..len).step_by(SECTOR) {
                let from = if rng.f64() < newer {
                    &self.seen
                } else {
                    &self.kept
                };
                let end = (start + SECTOR).min(len).min(from.len());
                if start < end {
                    left[start..end].copy_from_slice(&from[start..end]);
                }
            }
            self.kept = left;
        }
        self.seen = self.kept.clone();
        self.dirty.clear();
        self.allocated = self.seen.len() as u64;
    }

    fn append(&mut self, bytes: &[u8], free: &mut Option<u64>) -> io::Result<usize> {
        let needed = (self.seen.len() + bytes.len()) as u64;
        let more = needed.saturating_sub(self.allocated);
        let fits = match free {
            Some(free) if *free < more => bytes.len() - (more - *free) as usize,
            Some(_) | None => bytes.len(),
        };
        if fits == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let start = self.seen.len();
        self.seen.extend_from_slice(&bytes[..fits]);
        self.dirty.push(start..self.seen.len());
        let end = self.seen.len() as u64;
        self.allocate(end, free)?;
        Ok(fits)
    }

    fn allocate(&mut self, len: u64, free: &mut Option<u64>) -> io::Result<()> {
        let more = len.saturating_sub(self.allocated);
        if let Some(free) = free {
            *free = free
                .checked_sub(more)
                .ok_or(io::Error::from(io::ErrorKind::StorageFull))?;
        }
        self.allocated = self.allocated.max(len);
        Ok(())
    }
}

impl Disk for Simulated {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn OnDisk>> {
        let mut world = self.world();
        if world.dead {
            return Err(io::Error::other("the process is dead"));
        }
        let there = world.names.get(path).copied();
        let number = match (there, how) {
            (None, Open::Append) => return Err(io::ErrorKind::NotFound.into()),
            (Some(_), Open::New) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(number), Open::Append | Open::AppendOrCreate) => number,
            (Some(_), Open::Truncate)
            | (None, Open::AppendOrCreate | Open::New | Open::Truncate) => {
                world.step(Operation::Create)?;
                let number = world.files.len();
                world.files.push(Content::default());
                world.change(Change::Add(path.into(), number));
                number
            }
        };
        Ok(Box::new(OpenedFile {
            disk: self.clone(),
            number,
            at: 0,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.step(Operation::Rename)?;
        if !world.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        world.change(Change::Rename(from.into(), to.into()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.step(Operation::Remove)?;
        world.change(Change::Remove(path.into()));
        Ok(())
    }

    fn create_directories(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.step(Operation::SyncDirectory)?;
        world.changes.clear();
        world.kept_names = world.names.clone();
        Ok(())
    }

    fn exists(&self, path: &Path) -> bool {
        self.world().names.contains_key(path)
    }
}

#[derive(Debug)]
struct OpenedFile {
    disk: Simulated,
    number: usize,
    at: usize,
}

impl Read for OpenedFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let world = self.disk.world();
        let mut rest = world.files[self.number]
            .seen
            .get(self.at..)
            .unwrap_or_default();
        let read = rest.read(into)?;
        self.at += read;
        Ok(read)
    }
}

impl Write for OpenedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut world = self.disk.world();
        let world = &mut *world;
        let was_dead = world.dead;
        let going = world.step(Operation::Write);
        let file = &mut world.files[self.number];
        match going {
            Ok(()) => file.append(bytes, &mut world.free),
            Err(error) if was_dead => Err(error),
            Err(error) => {
                let part = world.rng.0.usize(0..=bytes.len());
                file.append(&bytes[..part], &mut world.free).ok();
                Err(error)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl OnDisk for OpenedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.world().files[self.number].seen.len() as u64)
    }

    fn seek_to(&mut self, byte: u64) -> io::Result<()> {
        self.at = byte as usize;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut world = self.disk.world();
        let going = world.step(Operation::Sync);
        let dead = world.dead;
        let file = &mut world.files[self.number];
        if dead {
            return going;
        }
        let dirty = std::mem::take(&mut file.dirty);
        going?;
        file.kept.resize(file.seen.len(), 0);
        for range in dirty {
            let end = range.end.min(file.seen.len());
            if range.start < end {
                file.kept[range.start..end].copy_from_slice(&file.seen[range.start..end]);
            }
        }
        Ok(())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let mut world = self.disk.world();
        world.step(Operation::Cut)?;
        let world = &mut *world;
        let file = &mut world.files[self.number];
        file.seen.resize(len as usize, 0);
        if let Some(free) = &mut world.free {
            *free += file.allocated.saturating_sub(len);
        }
        file.allocated = len;
        Ok(())
    }

    fn reserve(&mut self, len: u64) -> io::Result<()> {
        let mut world = self.disk.world();
        world.step(Operation::Reserve)?;
        let world = &mut *world;
        world.files[self.number].allocate(len, &mut world.free)
    }

    fn take_after(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        Ok(self.disk.world().names.get(path) == Some(&self.number))
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        Ok(())
    }
}
