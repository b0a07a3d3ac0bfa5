//! The journal's rows.

use super::merkle::Tree;
use super::{Broken, Chained, Entry, GENESIS, check_link};
use crate::db::{DbError, Result, Tx};
use crate::ids::sha256_hex;

/// Appends an act to the chain, in the transaction in which the act is done: neither is ever there
/// without the other. Returns the entry's number.
pub fn append(tx: &mut Tx<'_>, entry: &Entry) -> Result<i64> {
    let last: Option<(i64, String)> = tx.query_opt(
        "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1",
        &[],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let (last_seq, prev) = last.unwrap_or_else(|| (0, GENESIS.to_owned()));
    let chained = Chained {
        seq: last_seq + 1,
        at: entry.at,
        actor: entry.actor.clone(),
        actor_name: entry.actor_name.clone(),
        act: entry.act.clone(),
        subject: entry.subject.clone(),
        before: entry.before.clone(),
        after: entry.after.clone(),
        detail: entry.detail.clone(),
        origin: entry.origin.clone(),
        prev,
    };
    let text = serde_json_canonicalizer::to_string(&chained)
        .map_err(|error| DbError::Task(error.to_string()))?;
    let hash = sha256_hex(text.as_bytes());
    tx.execute(
        "INSERT INTO journal (seq, at, actor, act, subject, entry, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &chained.seq,
            &entry.at,
            &entry.actor,
            &entry.act,
            &entry.subject,
            &text,
            &hash,
        ],
    )?;
    Ok(chained.seq)
}

/// Walks the whole chain; the tree over it, or the first thing that is wrong.
pub fn verify(tx: &mut Tx<'_>) -> Result<std::result::Result<Tree, Broken>> {
    let mut tree = Tree::default();
    let mut prev = GENESIS.to_owned();
    let mut expected = 1;
    let mut broken = None;
    tx.for_each(
        "SELECT seq, entry, hash FROM journal ORDER BY seq",
        &[],
        |row| {
            if broken.is_some() {
                return Ok(());
            }
            let (seq, text, hash): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if seq != expected {
                broken = Some(Broken::Gap(expected));
                return Ok(());
            }
            match check_link(seq, &prev, &text, &hash) {
                Ok(hash) => prev = hash,
                Err(error) => broken = Some(error),
            }
            tree.push(text.as_bytes());
            expected += 1;
            Ok(())
        },
    )?;
    Ok(broken.map_or(Ok(tree), Err))
}

/// What a search in the journal asks for; empty text means: everything.
#[derive(Debug, Clone, Default)]
pub(super) struct Search {
    pub act: String,
    pub subject: String,
    pub pattern: Option<String>,
}

const FILTER: &str = "($1 = '' OR act = $1 OR act LIKE $1 || '.%')
     AND ($2 = '' OR subject = $2)
     AND ($3 IS NULL OR entry LIKE $3 ESCAPE '\\')";

/// The newest entries first.
pub(super) fn list(
    tx: &mut Tx<'_>,
    search: &Search,
    offset: u32,
    limit: u32,
) -> Result<(Vec<(String, String)>, i64)> {
    let total = tx.query_one(
        &format!("SELECT COUNT(*) FROM journal WHERE {FILTER}"),
        &[&search.act, &search.subject, &search.pattern],
        |r| r.get(0),
    )?;
    let rows = tx.query(
        &format!(
            "SELECT entry, hash FROM journal WHERE {FILTER}
             ORDER BY seq DESC LIMIT $4 OFFSET $5"
        ),
        &[
            &search.act,
            &search.subject,
            &search.pattern,
            &limit,
            &offset,
        ],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    Ok((rows, total))
}

/// All entries in their order, for the export.
pub(super) fn all(tx: &mut Tx<'_>) -> Result<Vec<(String, String)>> {
    tx.query("SELECT entry, hash FROM journal ORDER BY seq", &[], |r| {
        Ok((r.get(0)?, r.get(1)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;
    use crate::error::AppError;

    async fn three_acts() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("test.db"), 0).unwrap();
        db.write(|tx| {
            for n in 1..=3 {
                append(
                    tx,
                    &Entry::by_server(n, "object.update", format!("object/{n}")),
                )?;
            }
            Ok(())
        })
        .await
        .unwrap();
        (folder, db)
    }

    async fn verdict(db: &Db) -> std::result::Result<u64, Broken> {
        db.read(|tx| Ok(verify(tx)?.map(|tree| tree.size())))
            .await
            .unwrap()
    }

    // K2
    #[tokio::test]
    async fn an_honest_journal_verifies() {
        let (_folder, db) = three_acts().await;
        assert_eq!(verdict(&db).await, Ok(3));
    }

    // K2
    #[rstest::rstest]
    #[case::rewritten(
        "UPDATE journal SET entry = REPLACE(entry, 'object/2', 'object/9') WHERE seq = 2",
        Broken::Hash(2)
    )]
    #[case::cut_out("DELETE FROM journal WHERE seq = 2", Broken::Gap(2))]
    #[case::cut_out_and_renumbered(
        "DELETE FROM journal WHERE seq = 2; UPDATE journal SET seq = 2 WHERE seq = 3",
        Broken::Chain(2)
    )]
    #[tokio::test]
    async fn a_journal_that_was_tampered_with_says_where(
        #[case] sql: &'static str,
        #[case] expected: Broken,
    ) {
        let (folder, db) = three_acts().await;
        // Someone with the file and no scruples: the triggers go first.
        let connection = rusqlite::Connection::open(folder.path().join("test.db")).unwrap();
        connection
            .execute_batch(&format!(
                "DROP TRIGGER journal_keeps_entries; DROP TRIGGER journal_loses_nothing; {sql}"
            ))
            .unwrap();
        assert_eq!(verdict(&db).await, Err(expected));
    }

    // K2
    #[rstest::rstest]
    #[case("UPDATE journal SET act = 'nothing' WHERE seq = 1")]
    #[case("DELETE FROM journal WHERE seq = 3")]
    #[tokio::test]
    async fn the_program_itself_cannot_change_the_journal(#[case] sql: &'static str) {
        let (_folder, db) = three_acts().await;
        let answer: std::result::Result<usize, AppError> =
            db.write(move |tx| Ok(tx.execute(sql, &[])?)).await;
        assert!(answer.is_err());
        assert_eq!(verdict(&db).await, Ok(3));
    }
}
