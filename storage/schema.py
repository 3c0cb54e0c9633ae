"""The tables, as migrations. A published migration is never edited; the next one is appended.

Every row belongs to a person, and every child carries its parent's person in its foreign key,
so the database itself refuses a row under somebody else's parent. Rows are ordered by id: ids
only grow and are never used twice, clocks jump.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from chatfeedback.faults import point

APPLICATION_ID = 0x43464231  # "CFB1" in the file header: this is a chatfeedback database
migrations = Migrations("chatfeedback")

PEOPLE = """
CREATE TABLE person (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE CHECK (name <> ''),
    created_at_utc TEXT NOT NULL
) STRICT;

CREATE TABLE setting (
    person_id INTEGER NOT NULL REFERENCES person (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (person_id, name)
) STRICT, WITHOUT ROWID;
"""

CHAT = """
CREATE TABLE conversation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES person (id),
    title TEXT NOT NULL,
    recency INTEGER NOT NULL, -- grows with every message; the newest conversation has the highest
    is_hidden INTEGER NOT NULL DEFAULT 0 CHECK (is_hidden IN (0, 1)),
    created_at_utc TEXT NOT NULL,
    updated_at_utc TEXT NOT NULL,
    UNIQUE (id, person_id)
) STRICT;
CREATE INDEX conversation_by_recency ON conversation (person_id, recency);

CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    client_id TEXT NOT NULL CHECK (client_id <> ''),
    text TEXT NOT NULL CHECK (text <> ''),
    shown_reply_id INTEGER,
    is_withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (is_withdrawn IN (0, 1)),
    created_at_utc TEXT NOT NULL,
    UNIQUE (id, person_id),
    UNIQUE (person_id, client_id),
    FOREIGN KEY (conversation_id, person_id) REFERENCES conversation (id, person_id),
    FOREIGN KEY (shown_reply_id, id) REFERENCES reply (id, message_id)
) STRICT;
CREATE INDEX message_by_conversation ON message (conversation_id);

CREATE TABLE reply (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    edited_from INTEGER, -- the reply this one rewrites; null when the model wrote it
    state TEXT NOT NULL CHECK (state IN ('streaming', 'done', 'interrupted', 'failed')),
    was_shown INTEGER NOT NULL CHECK (was_shown IN (0, 1)),
    text TEXT NOT NULL DEFAULT '',
    prompt_ids BLOB NOT NULL DEFAULT x'', -- int32, little-endian
    token_ids BLOB NOT NULL DEFAULT x'', -- int32, little-endian
    stop_reason TEXT CHECK (stop_reason IN ('end', 'length', 'cancelled')),
    base_key TEXT NOT NULL,
    adapter_id TEXT,
    adapter_scale REAL NOT NULL,
    sampling TEXT NOT NULL, -- JSON
    seed INTEGER NOT NULL,
    candidates INTEGER NOT NULL CHECK (candidates >= 1),
    policy_logprob REAL, -- nats
    first_token_ms REAL,
    reply_ms REAL,
    dropped_turns INTEGER NOT NULL DEFAULT 0,
    created_at_utc TEXT NOT NULL,
    UNIQUE (id, person_id),
    UNIQUE (id, message_id),
    FOREIGN KEY (message_id, person_id) REFERENCES message (id, person_id),
    FOREIGN KEY (edited_from, message_id) REFERENCES reply (id, message_id),
    FOREIGN KEY (adapter_id, person_id) REFERENCES adapter (adapter_id, person_id)
) STRICT;
CREATE INDEX reply_by_message ON reply (message_id);
CREATE INDEX reply_by_origin ON reply (edited_from) WHERE edited_from IS NOT NULL;
CREATE INDEX reply_streaming ON reply (state) WHERE state = 'streaming';

CREATE TABLE reply_features (
    reply_id INTEGER NOT NULL REFERENCES reply (id),
    base_key TEXT NOT NULL,
    hidden BLOB NOT NULL, -- float16, little-endian
    prompt_hidden BLOB NOT NULL, -- float16, little-endian
    base_logprob REAL NOT NULL, -- nats
    n_tokens INTEGER NOT NULL,
    PRIMARY KEY (reply_id, base_key)
) STRICT;
"""

FEEDBACK = """
CREATE TABLE comparison (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    why TEXT NOT NULL,
    created_at_utc TEXT NOT NULL,
    UNIQUE (id, person_id),
    UNIQUE (id, message_id),
    FOREIGN KEY (message_id, person_id) REFERENCES message (id, person_id)
) STRICT;
CREATE INDEX comparison_by_message ON comparison (message_id);

CREATE TABLE comparison_reply (
    comparison_id INTEGER NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0), -- as shown, from left to right
    message_id INTEGER NOT NULL,
    reply_id INTEGER NOT NULL,
    PRIMARY KEY (comparison_id, position),
    UNIQUE (comparison_id, reply_id),
    FOREIGN KEY (comparison_id, message_id) REFERENCES comparison (id, message_id),
    FOREIGN KEY (reply_id, message_id) REFERENCES reply (id, message_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE feedback (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES person (id),
    client_id TEXT NOT NULL CHECK (client_id <> ''),
    kind TEXT NOT NULL CHECK (kind IN ('thumb', 'pick', 'edit', 'chip', 'undo')),
    reply_id INTEGER,
    comparison_id INTEGER,
    outcome TEXT CHECK (outcome IN ('first', 'second', 'tie', 'both_bad')),
    value INTEGER CHECK (value IN (-1, 0, 1)),
    text TEXT CHECK (text <> ''),
    undoes INTEGER UNIQUE, -- so nothing is undone twice
    created_at_utc TEXT NOT NULL,
    UNIQUE (id, person_id),
    UNIQUE (person_id, client_id),
    CHECK ((kind IN ('thumb', 'edit', 'chip')) = (reply_id IS NOT NULL)),
    CHECK ((kind = 'pick') = (comparison_id IS NOT NULL)),
    CHECK ((kind = 'pick') = (outcome IS NOT NULL)),
    CHECK ((kind = 'thumb') = (value IS NOT NULL)),
    CHECK ((kind IN ('edit', 'chip')) = (text IS NOT NULL)),
    CHECK ((kind = 'undo') = (undoes IS NOT NULL)),
    FOREIGN KEY (reply_id, person_id) REFERENCES reply (id, person_id),
    FOREIGN KEY (comparison_id, person_id) REFERENCES comparison (id, person_id),
    FOREIGN KEY (undoes, person_id) REFERENCES feedback (id, person_id)
) STRICT;
CREATE INDEX feedback_by_person ON feedback (person_id);
CREATE INDEX feedback_by_reply ON feedback (reply_id, kind) WHERE reply_id IS NOT NULL;
CREATE INDEX feedback_by_comparison ON feedback (comparison_id) WHERE comparison_id IS NOT NULL;

CREATE TRIGGER feedback_is_never_changed BEFORE UPDATE ON feedback
BEGIN SELECT raise(ABORT, 'feedback is append-only: undo it with an event'); END;
CREATE TRIGGER feedback_is_never_deleted BEFORE DELETE ON feedback
BEGIN SELECT raise(ABORT, 'feedback is append-only: undo it with an event'); END;

CREATE VIEW standing_feedback AS -- what counts: events that nobody took back
SELECT * FROM feedback AS event
WHERE kind <> 'undo'
    AND NOT EXISTS (SELECT 1 FROM feedback AS undo WHERE undo.undoes = event.id);
"""

LEARNING = """
CREATE TABLE reward_model (
    person_id INTEGER NOT NULL REFERENCES person (id),
    base_key TEXT NOT NULL,
    last_feedback_id INTEGER NOT NULL, -- everything up to this event is in it; 0 = nothing yet
    blob BLOB NOT NULL,
    updated_at_utc TEXT NOT NULL,
    PRIMARY KEY (person_id, base_key)
) STRICT;

CREATE TABLE reward_basis (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    base_key TEXT NOT NULL,
    blob BLOB NOT NULL,
    created_at_utc TEXT NOT NULL
) STRICT;
CREATE INDEX reward_basis_by_base ON reward_basis (base_key);

CREATE TABLE learning_run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE CHECK (run_id <> ''),
    person_id INTEGER NOT NULL REFERENCES person (id),
    state TEXT NOT NULL CHECK (
        state IN ('queued', 'running', 'promoted', 'rejected', 'stopped', 'failed')
    ),
    method TEXT NOT NULL,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT '',
    settings TEXT NOT NULL, -- JSON
    seed INTEGER NOT NULL,
    data_hash TEXT NOT NULL,
    clicks INTEGER NOT NULL,
    attempts INTEGER NOT NULL CHECK (attempts >= 1),
    instance_id TEXT NOT NULL, -- the app that took it up last
    started_at_utc TEXT NOT NULL,
    ended_at_utc TEXT,
    UNIQUE (run_id, person_id),
    CHECK ((state IN ('queued', 'running')) = (ended_at_utc IS NULL))
) STRICT;
CREATE INDEX learning_run_by_person ON learning_run (person_id);

CREATE TABLE run_feedback ( -- keys first: else SQLite before 3.41 takes it for damaged
    run_id TEXT NOT NULL,
    feedback_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    PRIMARY KEY (run_id, feedback_id),
    FOREIGN KEY (run_id, person_id) REFERENCES learning_run (run_id, person_id),
    FOREIGN KEY (feedback_id, person_id) REFERENCES feedback (id, person_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_metric (
    run_id TEXT NOT NULL REFERENCES learning_run (run_id),
    step INTEGER NOT NULL CHECK (step >= 0),
    metrics TEXT NOT NULL, -- JSON as Python writes it: a diverged run has NaN in it
    PRIMARY KEY (run_id, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE adapter (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    adapter_id TEXT NOT NULL UNIQUE CHECK (adapter_id <> ''),
    person_id INTEGER NOT NULL REFERENCES person (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    run_id TEXT NOT NULL,
    parent TEXT,
    base_key TEXT NOT NULL,
    folder TEXT NOT NULL, -- below the data folder where it can be, so that may be moved
    manifest_hash TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('staged', 'serving', 'retired', 'rejected')),
    training TEXT NOT NULL, -- JSON as Python writes it
    report TEXT, -- JSON as Python writes it
    created_at_utc TEXT NOT NULL,
    UNIQUE (adapter_id, person_id),
    UNIQUE (person_id, number),
    FOREIGN KEY (run_id, person_id) REFERENCES learning_run (run_id, person_id),
    FOREIGN KEY (parent, person_id) REFERENCES adapter (adapter_id, person_id)
) STRICT;
CREATE UNIQUE INDEX adapter_serving ON adapter (person_id, base_key) WHERE state = 'serving';
CREATE INDEX adapter_by_run ON adapter (run_id);
"""

# SQLite cannot change a CHECK, so the table is written anew. Its only child is emptied meanwhile:
# dropping a table deletes its rows first, and those may not be anybody's parents.
MORE_GESTURES = """
CREATE TABLE feedback_anew (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES person (id),
    client_id TEXT NOT NULL CHECK (client_id <> ''),
    kind TEXT NOT NULL CHECK (kind IN (
        'thumb', 'pick', 'rank', 'rating', 'edit', 'chip', 'trait', 'flag', 'comment', 'copy',
        'regenerate', 'forget', 'undo'
    )),
    reply_id INTEGER,
    comparison_id INTEGER,
    outcome TEXT CHECK (outcome IN ('first', 'second', 'third', 'fourth', 'tie', 'both_bad')),
    value INTEGER CHECK (value BETWEEN -1 AND 5),
    text TEXT CHECK (text <> ''),
    undoes INTEGER UNIQUE, -- so nothing is undone twice
    reply_order TEXT CHECK (reply_order <> ''), -- reply ids as JSON, best first
    trait TEXT CHECK (trait <> ''),
    flag TEXT CHECK (flag IN ('harmful', 'biased', 'wrong')),
    created_at_utc TEXT NOT NULL,
    UNIQUE (id, person_id),
    UNIQUE (person_id, client_id),
    CHECK ((reply_id IS NOT NULL) = (kind IN (
        'thumb', 'rating', 'edit', 'chip', 'flag', 'comment', 'copy', 'regenerate'
    ))),
    CHECK ((kind IN ('pick', 'rank')) = (comparison_id IS NOT NULL)),
    CHECK ((kind = 'pick') = (outcome IS NOT NULL)),
    CHECK ((kind IN ('thumb', 'rating', 'trait')) = (value IS NOT NULL)),
    CHECK (kind = 'rating' OR value <= 1),
    CHECK (kind <> 'rating' OR value >= 1),
    CHECK ((kind IN ('edit', 'chip', 'comment')) = (text IS NOT NULL)),
    CHECK ((kind = 'undo') = (undoes IS NOT NULL)),
    CHECK ((kind = 'rank') = (reply_order IS NOT NULL)),
    CHECK ((kind = 'trait') = (trait IS NOT NULL)),
    CHECK ((kind = 'flag') = (flag IS NOT NULL)),
    FOREIGN KEY (reply_id, person_id) REFERENCES reply (id, person_id),
    FOREIGN KEY (comparison_id, person_id) REFERENCES comparison (id, person_id),
    FOREIGN KEY (undoes, person_id) REFERENCES feedback_anew (id, person_id)
) STRICT;
INSERT INTO feedback_anew
SELECT id, person_id, client_id, kind, reply_id, comparison_id, outcome, value, text, undoes,
    NULL, NULL, NULL, created_at_utc
FROM feedback ORDER BY id;

CREATE TEMP TABLE run_feedback_aside AS SELECT * FROM run_feedback;
DELETE FROM run_feedback;
DROP VIEW standing_feedback;
DROP TABLE feedback;
ALTER TABLE feedback_anew RENAME TO feedback;
INSERT INTO run_feedback SELECT * FROM temp.run_feedback_aside;
DROP TABLE temp.run_feedback_aside;

CREATE INDEX feedback_by_person ON feedback (person_id);
CREATE INDEX feedback_by_reply ON feedback (reply_id, kind) WHERE reply_id IS NOT NULL;
CREATE INDEX feedback_by_comparison ON feedback (comparison_id) WHERE comparison_id IS NOT NULL;

CREATE TRIGGER feedback_is_never_changed BEFORE UPDATE ON feedback
BEGIN SELECT raise(ABORT, 'feedback is append-only: undo it with an event'); END;
CREATE TRIGGER feedback_is_never_deleted BEFORE DELETE ON feedback
BEGIN SELECT raise(ABORT, 'feedback is append-only: undo it with an event'); END;

CREATE VIEW standing_feedback AS -- what counts: events that nobody took back
SELECT * FROM feedback AS event
WHERE kind <> 'undo'
    AND NOT EXISTS (SELECT 1 FROM feedback AS undo WHERE undo.undoes = event.id);

CREATE TABLE reward_prior ( -- what is believed of a person before any reaction; never changed
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES person (id),
    base_key TEXT NOT NULL,
    blob BLOB NOT NULL,
    created_at_utc TEXT NOT NULL
) STRICT;
CREATE INDEX reward_prior_by_person ON reward_prior (person_id, base_key);
"""

SETTING_ASIDE = """
CREATE TABLE exclusion ( -- feedback that is kept and does not count, until its row is removed
    feedback_id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL,
    created_at_utc TEXT NOT NULL,
    FOREIGN KEY (feedback_id, person_id) REFERENCES feedback (id, person_id)
) STRICT;
CREATE INDEX exclusion_by_person ON exclusion (person_id);
CREATE INDEX reply_unread ON reply (person_id) WHERE token_ids = x'' AND state = 'done';

DROP VIEW standing_feedback;
CREATE VIEW standing_feedback AS -- what counts: events neither taken back nor set aside
SELECT * FROM feedback AS event
WHERE kind <> 'undo'
    AND NOT EXISTS (SELECT 1 FROM feedback AS undo WHERE undo.undoes = event.id)
    AND NOT EXISTS (SELECT 1 FROM exclusion WHERE exclusion.feedback_id = event.id);
"""

SOURCES = """
ALTER TABLE conversation ADD COLUMN source TEXT NOT NULL DEFAULT ''; -- file it was imported from
CREATE INDEX comparison_reply_by_reply ON comparison_reply (reply_id);
"""


AI_LABELS = """
CREATE TABLE ai_label ( -- what the model itself says by a person's principle; never feedback
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES person (id),
    principle TEXT NOT NULL CHECK (principle <> ''),
    reply_id INTEGER NOT NULL,
    chosen TEXT NOT NULL CHECK (chosen <> ''),
    rejected TEXT NOT NULL,
    critique TEXT NOT NULL,
    created_at_utc TEXT NOT NULL,
    UNIQUE (person_id, principle, reply_id),
    FOREIGN KEY (reply_id, person_id) REFERENCES reply (id, person_id)
) STRICT;
"""

TALK = """
ALTER TABLE conversation ADD COLUMN persona TEXT NOT NULL DEFAULT ''; -- its system prompt
ALTER TABLE conversation ADD COLUMN sampling TEXT NOT NULL DEFAULT ''; -- JSON; '' = as usual

-- A revised message stands beside the one it revises. Of such variants one is in the conversation;
-- the others are aside, each with everything that was said after it.
ALTER TABLE message ADD COLUMN revises INTEGER; -- the first of its variants; null = itself
ALTER TABLE message ADD COLUMN aside_with INTEGER; -- the variant it went with; null = it is in
CREATE INDEX message_by_first_variant ON message (revises) WHERE revises IS NOT NULL;
CREATE INDEX message_aside ON message (aside_with) WHERE aside_with IS NOT NULL;

-- A schema may be forged, so SQLite lets no trigger write to a virtual table: what changed is noted
-- here, and read by the next search.
CREATE VIRTUAL TABLE said USING fts5 ( -- rowid: 2 * message id, or 2 * reply id + 1
    text, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
CREATE TABLE said_since (id INTEGER PRIMARY KEY) STRICT; -- rowids of said that are to be read anew
INSERT INTO said_since SELECT 2 * id FROM message;
INSERT INTO said_since SELECT 2 * id + 1 FROM reply WHERE text <> '';
CREATE TRIGGER message_was_said AFTER INSERT ON message
BEGIN INSERT OR IGNORE INTO said_since VALUES (2 * new.id); END;
CREATE TRIGGER reply_was_said_at_once AFTER INSERT ON reply WHEN new.text <> ''
BEGIN INSERT OR IGNORE INTO said_since VALUES (2 * new.id + 1); END;
CREATE TRIGGER reply_was_said AFTER UPDATE OF text ON reply WHEN new.text <> old.text
BEGIN INSERT OR IGNORE INTO said_since VALUES (2 * new.id + 1); END;
CREATE TRIGGER message_was_deleted AFTER DELETE ON message
BEGIN INSERT OR IGNORE INTO said_since VALUES (2 * old.id); END;
CREATE TRIGGER reply_was_deleted AFTER DELETE ON reply
BEGIN INSERT OR IGNORE INTO said_since VALUES (2 * old.id + 1); END;
"""


@migrations()
def m001_facts(db: Database) -> None:
    """People, chats, feedback, reward models, runs and adapters."""
    for script in (PEOPLE, CHAT, FEEDBACK, LEARNING):
        db.executescript(script)
        point("storage.in_migration")


@migrations()
def m002_more_gestures(db: Database) -> None:
    """Rankings, ratings, traits, flags, comments; priors of the reward model as versions."""
    db.executescript(MORE_GESTURES)
    point("storage.in_migration")


@migrations()
def m003_setting_aside(db: Database) -> None:
    """Feedback can be set aside: it stays, and does not count."""
    db.executescript(SETTING_ASIDE)
    point("storage.in_migration")


@migrations()
def m004_sources(db: Database) -> None:
    """Conversations may come from a file; a reply's comparisons are found at once."""
    db.executescript(SOURCES)
    point("storage.in_migration")


@migrations()
def m005_ai_labels(db: Database) -> None:
    """Labels by principles, apart from what people said."""
    db.executescript(AI_LABELS)
    point("storage.in_migration")


@migrations()
def m005_talk(db: Database) -> None:
    """Personas and sampling of conversations; revised messages; search in all that was said."""
    db.executescript(TALK)
    point("storage.in_migration")


@migrations()
def m006_search_without_spaces(db: Database) -> None:
    """All that was said is read anew, so that words are found where no spaces part them."""
    db.execute("INSERT OR IGNORE INTO said_since SELECT 2 * id FROM message")
    db.execute("INSERT OR IGNORE INTO said_since SELECT 2 * id + 1 FROM reply WHERE text <> ''")
    point("storage.in_migration")


def schema_version(migrations: Migrations) -> int:
    """The newest schema these migrations lead to: their number, kept as user_version."""
    with Database(memory=True, execute_plugins=False) as empty:
        return len(migrations.pending(empty))
