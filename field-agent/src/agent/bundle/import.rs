//! Taking a bundle in: by the admission of the network, as far as the file is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use ::sync::bundle::{BundleError, BundleReader, Part};
use ::sync::ids::TaskId;
use ::sync::message::{BlobRef, SyncResponse};

use super::super::photos::write_failed;
use super::super::sync::{
    Applied, apply_from_office_file, apply_from_tablet, begin_blob, keep_blob, kept_out,
    wanted_blob,
};
use super::super::{Agent, lock, storage};
use crate::api::Problem;
use crate::api::bundle::{BundleImported, BundleRefusal, BundleSource, BundleTask};
use crate::api::fault::{BundleFault, Fault};
use crate::store::{blobs::BlobWriter, tasks};

/// A bundle that is being read.
pub struct Import {
    source: BundleSource,
    told: BundleImported,
    tasks: BTreeMap<TaskId, BundleTask>,
    elsewhere: BTreeSet<TaskId>,
    blob: Option<(BlobRef, BlobWriter)>,
}

fn unreadable(error: &BundleError) -> Problem {
    let (code, text) = match error {
        BundleError::NotABundle => (
            "not_a_bundle",
            "这个文件不是双随机的加密数据包，没有导入任何内容。",
        ),
        BundleError::UnknownVersion(_) => (
            "bundle_version",
            "数据包由更新版本的程序制作，请先升级本平板的程序再导入。",
        ),
        BundleError::NotForThisKey => (
            "bundle_not_for_us",
            "数据包不是给这台平板的，无法打开。请制作方重新导出并选上这台平板，或交单位服务器导入。",
        ),
        _ => (
            "bundle_damaged",
            "数据包开头已损坏或被改动，没有导入任何内容；请重新拷贝或重新导出。",
        ),
    };
    Problem::bad(code, text)
}

impl Agent {
    /// Reads a bundle to its end, or as far as it is whole.
    pub(crate) fn import_bundle(
        self: &Arc<Self>,
        input: impl Read,
    ) -> Result<BundleImported, Problem> {
        let device = self.with_open(|open| Ok(open.device.clone()))?;
        let mut reader = BundleReader::open(input, &device).map_err(|e| unreadable(&e))?;
        let about = reader.about().clone();
        let source = self.with_open(|open| open.source(&about.sender))?;
        let Some((source, people)) = source else {
            return Err(Problem::bad(
                "bundle_stranger",
                "数据包的制作方不是同组人员的平板，也不是本单位服务器，没有导入任何内容。",
            ));
        };
        let mut import = Import {
            source,
            told: BundleImported {
                source,
                people,
                made_at: about.made_at,
                whole: true,
                remark: None,
                remark_code: None,
                tasks: Vec::new(),
                tasks_elsewhere: 0,
            },
            tasks: BTreeMap::new(),
            elsewhere: BTreeSet::new(),
            blob: None,
        };
        loop {
            match reader.next_part() {
                Ok(Some(part)) => self.import_part(&mut import, part)?,
                Ok(None) => break,
                Err(error) => {
                    tracing::info!(%error, "bundle");
                    import.told.whole = false;
                    let fault = BundleFault::from(&error);
                    import.told.remark = Some(fault.words(""));
                    import.told.remark_code = Some(fault);
                    break;
                }
            }
        }
        self.import_blob(&mut import)?;
        self.note_unconfirmed()?;
        self.note("took in a bundle");
        self.touch();
        // What a colleague recorded goes to the office from here too.
        self.wake_sync();
        let mut told = import.told;
        told.tasks = import.tasks.into_values().collect();
        told.tasks_elsewhere = u32::try_from(import.elsewhere.len()).unwrap_or(u32::MAX);
        Ok(told)
    }

    fn import_part(self: &Arc<Self>, import: &mut Import, part: Part) -> Result<(), Problem> {
        match part {
            Part::Message(message) => {
                self.import_blob(import)?;
                self.import_message(import, &message)
            }
            Part::Blob(blob) => {
                self.import_blob(import)?;
                // Asked before a byte is kept: a file must not fill the tablet with what nobody wants.
                if let Some(blob) = self.with_open(|open| wanted_blob(open, &blob))? {
                    let come = begin_blob(self, &blob)?;
                    import.blob = Some((blob, come));
                }
                Ok(())
            }
            Part::Bytes(bytes) => {
                // What is not wanted passes by.
                let Some((_, come)) = import.blob.as_mut() else {
                    return Ok(());
                };
                come.push(&bytes).map_err(|e| write_failed(&e))
            }
        }
    }

    fn import_message(&self, import: &mut Import, message: &SyncResponse) -> Result<(), Problem> {
        let (now, source) = (self.now(), import.source);
        let applied: Applied = self.with_open(|open| {
            let applied = if source == BundleSource::Office {
                apply_from_office_file(open, message, now)
            } else {
                apply_from_tablet(open, message, None, now)
            };
            if applied.is_err() {
                // What is in memory may be ahead of the disk now.
                open.records.clear();
            }
            applied
        })?;
        for note in &applied.notes {
            self.note(note);
        }
        let vault = lock(&self.vault);
        for (person, certificate) in &applied.certificates {
            vault
                .set_certificate(person, certificate)
                .map_err(storage)?;
        }
        drop(vault);
        for (task, tally) in applied.tally {
            let Some(tally) = tally else {
                import.elsewhere.insert(task);
                continue;
            };
            let row = self.bundle_task(import, task)?;
            row.changes += tally.admitted;
            row.known += tally.known;
            row.waiting = tally.waiting;
            row.statements += tally.statements;
            let refused = tally.refused.into_iter().map(|(code, detail)| {
                tracing::info!(code = code.word(), detail, "change in a bundle refused");
                code.word()
            });
            let bad = (tally.bad_statements > 0).then_some("bad_statement");
            for code in refused.chain(bad) {
                let refusal = BundleRefusal {
                    code: code.to_owned(),
                    text: kept_out(code).to_owned(),
                };
                // One line for each reason, however many changes it hits.
                if !row.refused.contains(&refusal) {
                    row.refused.push(refusal);
                }
            }
        }
        Ok(())
    }

    fn bundle_task<'a>(
        &self,
        import: &'a mut Import,
        task: TaskId,
    ) -> Result<&'a mut BundleTask, Problem> {
        use std::collections::btree_map::Entry;
        Ok(match import.tasks.entry(task) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let facts = self.with_open(|open| {
                    let known = tasks::get(&open.db, &task.to_string()).map_err(storage)?;
                    Ok(match known {
                        Some(_) => Some(open.record(task)?.facts.clone()),
                        None => None,
                    })
                })?;
                place.insert(BundleTask {
                    task: task.to_string(),
                    number: facts
                        .as_ref()
                        .map_or_else(String::new, |f| f.number.clone()),
                    object: facts
                        .as_ref()
                        .map_or_else(String::new, |f| f.object.name.clone()),
                    changes: 0,
                    known: 0,
                    waiting: 0,
                    statements: 0,
                    photos: 0,
                    refused: Vec::new(),
                })
            }
        })
    }

    /// Keeps the photo that has come, when it is whole and what its name says.
    fn import_blob(self: &Arc<Self>, import: &mut Import) -> Result<(), Problem> {
        let Some((blob, come)) = import.blob.take() else {
            return Ok(());
        };
        if keep_blob(self, &blob, come, self.now())? {
            self.bundle_task(import, blob.task)?.photos += 1;
        }
        Ok(())
    }
}
