//! The file system: a copy of SQLite's default one in which opening and deleting, and of each file
//! writing, truncating, syncing and closing, are ours.

use std::collections::HashMap;
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};

use rusqlite::ffi;

use crate::{Meets, deletes, opened, syncs, truncates, writes};

/// A file that SQLite has open.
#[derive(Clone)]
struct Open {
    path: PathBuf,
    /// The functions of the real file system for it.
    real: Methods,
}

#[derive(Clone, Copy)]
struct Methods(&'static ffi::sqlite3_io_methods);

// SAFETY: the tables of functions that SQLite's file system hands out are constants.
unsafe impl Send for Methods {}
// SAFETY: as above; nothing writes into them.
unsafe impl Sync for Methods {}

struct Vfs(ffi::sqlite3_vfs);

// SAFETY: the copy is written once, before it is registered; SQLite itself shares it among threads.
unsafe impl Send for Vfs {}
// SAFETY: as above.
unsafe impl Sync for Vfs {}

static REAL: OnceLock<Vfs> = OnceLock::new();
static OPEN: Mutex<Option<HashMap<usize, Open>>> = Mutex::new(None);
/// Our tables of functions, one for each of the real ones; they live as long as the process.
static OURS: Mutex<Vec<(usize, Methods)>> = Mutex::new(Vec::new());

fn open_files() -> MutexGuard<'static, Option<HashMap<usize, Open>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the failing file system SQLite's default, once for the process. Folders that nobody watches
/// are as ever.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: a null name asks for the default file system, which lives as long as the process.
        let found = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
        if found.is_null() {
            return;
        }
        // SAFETY: `found` is a valid table that nothing changes but `pNext`, which is not used here.
        let real = unsafe { *found };
        let mut ours = real;
        ours.zName = c"faulty".as_ptr();
        ours.pNext = std::ptr::null_mut();
        ours.xOpen = Some(x_open);
        ours.xDelete = Some(x_delete);
        let _ = REAL.set(Vfs(real));
        let ours = Box::leak(Box::new(ours));
        // SAFETY: `ours` is a complete table that is never freed.
        unsafe { ffi::sqlite3_vfs_register(ours, 1) };
    });
}

/// # Safety
/// `name` is null or a text that ends in a zero byte.
unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: not null, and by contract a text with its end.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    Some(Path::new(OsStr::from_bytes(bytes)).to_owned())
}

fn our_methods(real: Methods) -> *const ffi::sqlite3_io_methods {
    let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = std::ptr::from_ref(real.0) as usize;
    if let Some((_, known)) = ours.iter().find(|(k, _)| *k == key) {
        return known.0;
    }
    let mut table = *real.0;
    table.xWrite = Some(x_write);
    table.xTruncate = Some(x_truncate);
    table.xSync = Some(x_sync);
    table.xClose = Some(x_close);
    let table: &'static ffi::sqlite3_io_methods = Box::leak(Box::new(table));
    ours.push((key, Methods(table)));
    table
}

unsafe extern "C" fn x_open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let Some(real) = REAL.get().and_then(|v| v.0.xOpen) else {
        return ffi::SQLITE_CANTOPEN;
    };
    // SAFETY: SQLite's own arguments, to the function that they were meant for; it reads of `vfs` only
    // what our copy has from it.
    let code = unsafe { real(vfs, name, file, flags, out) };
    // SAFETY: SQLite gives a text with its end, or null.
    let path = unsafe { path_of(name) };
    if let (ffi::SQLITE_OK, Some(path)) = (code, path) {
        // SAFETY: after success `file` is valid and its table a constant of the real file system.
        let methods = unsafe { (*file).pMethods.as_ref() };
        if let Some(methods) = methods {
            opened(&path);
            let real = Methods(methods);
            open_files()
                .get_or_insert_default()
                .insert(file as usize, Open { path, real });
            // SAFETY: `file` is valid; our table differs from the real one in functions that pass on.
            unsafe { (*file).pMethods = our_methods(real) };
        }
    }
    code
}

unsafe extern "C" fn x_delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_dir: c_int,
) -> c_int {
    // SAFETY: SQLite gives a text with its end.
    let path = unsafe { path_of(name) };
    if path.is_some_and(|p| deletes(&p) == Meets::Dead) {
        return ffi::SQLITE_IOERR_DELETE;
    }
    match REAL.get().and_then(|v| v.0.xDelete) {
        // SAFETY: SQLite's own arguments.
        Some(real) => unsafe { real(vfs, name, sync_dir) },
        None => ffi::SQLITE_IOERR_DELETE,
    }
}

fn known(file: *mut ffi::sqlite3_file) -> Option<Open> {
    open_files().as_ref()?.get(&(file as usize)).cloned()
}

unsafe extern "C" fn x_write(
    file: *mut ffi::sqlite3_file,
    data: *const c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    let Some(Open { path, real }) = known(file) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    let (from, size) = (usize::try_from(at), usize::try_from(length));
    let (Ok(from), Ok(size)) = (from, size) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: SQLite gives `length` readable bytes.
    let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size) };
    match (writes(&path, from, bytes), real.0.xWrite) {
        (Meets::Dead, _) | (_, None) => ffi::SQLITE_IOERR_WRITE,
        (Meets::Full, _) => ffi::SQLITE_FULL,
        // SAFETY: SQLite's own arguments to the real function of this file.
        (_, Some(write)) => unsafe { write(file, data, length, at) },
    }
}

unsafe extern "C" fn x_truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    let Some(Open { path, real }) = known(file) else {
        return ffi::SQLITE_IOERR_TRUNCATE;
    };
    match (
        truncates(&path, usize::try_from(size).unwrap_or(0)),
        real.0.xTruncate,
    ) {
        (Meets::Dead, _) | (_, None) => ffi::SQLITE_IOERR_TRUNCATE,
        // SAFETY: SQLite's own arguments to the real function of this file.
        (_, Some(truncate)) => unsafe { truncate(file, size) },
    }
}

unsafe extern "C" fn x_sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    let Some(Open { path, real }) = known(file) else {
        return ffi::SQLITE_IOERR_FSYNC;
    };
    match (syncs(&path), real.0.xSync) {
        (Meets::Dead, _) | (_, None) => ffi::SQLITE_IOERR_FSYNC,
        // The real disk of the machine that runs the tests need not be waited for.
        (Meets::Works | Meets::Full, _) => ffi::SQLITE_OK,
        // SAFETY: SQLite's own arguments to the real function of this file.
        (Meets::Nothing, Some(sync)) => unsafe { sync(file, flags) },
    }
}

unsafe extern "C" fn x_close(file: *mut ffi::sqlite3_file) -> c_int {
    let open = open_files()
        .as_mut()
        .and_then(|files| files.remove(&(file as usize)));
    match open.and_then(|o| o.real.0.xClose) {
        // SAFETY: `file` is open, and this is the real function that closes it.
        Some(close) => unsafe { close(file) },
        None => ffi::SQLITE_OK,
    }
}
