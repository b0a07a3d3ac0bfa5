-- X4: the address at which the party of a sealed record finds its copy. The secret follows from the
-- party's statement, so the tablet can show it before the office has heard of the seal.
CREATE TABLE record_copies (
    secret TEXT PRIMARY KEY,
    task   TEXT NOT NULL,
    round  INTEGER NOT NULL,
    UNIQUE (task, round),
    FOREIGN KEY (task, round) REFERENCES record_seals (task, round)
) STRICT;
