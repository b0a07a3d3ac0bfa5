-- Plans in every mode (D1): departments that respond (J1), cells by any conditions, bounds on how often
-- one object is met in a year (P2, X3). Inspectors in fixed groups, with leave (I4).

-- JSON of the mode; see `PlanMode`.
ALTER TABLE plans ADD COLUMN mode TEXT NOT NULL DEFAULT '{"kind":"double"}';
ALTER TABLE plans ADD COLUMN district_minimum INTEGER NOT NULL DEFAULT 0 CHECK (district_minimum >= 0);
ALTER TABLE plans ADD COLUMN yearly_draws INTEGER NOT NULL DEFAULT 2 CHECK (yearly_draws >= 1);
-- JSON of the ground on which the yearly cap of visits does not apply; NULL: it applies.
ALTER TABLE plans ADD COLUMN exemption TEXT;
-- Why the plan goes beyond what is usual; '' where nothing needs a reason.
ALTER TABLE plans ADD COLUMN reason TEXT NOT NULL DEFAULT '';

-- Position 0 leads.
CREATE TABLE plan_departments (
    plan             TEXT NOT NULL REFERENCES plans (id),
    position         INTEGER NOT NULL,
    department       TEXT NOT NULL REFERENCES departments (code),
    team             INTEGER NOT NULL CHECK (team BETWEEN 2 AND 10),
    experts          INTEGER NOT NULL CHECK (experts BETWEEN 0 AND 5),
    deal             TEXT NOT NULL CHECK (deal IN ('person', 'group')),
    state            TEXT NOT NULL CHECK (state IN ('leads', 'asked', 'agreed', 'declined')),
    note             TEXT NOT NULL,
    answered_by_name TEXT,
    answered_at      INTEGER,
    PRIMARY KEY (plan, department)
) STRICT;
CREATE INDEX plan_departments_by_department ON plan_departments (department);
INSERT INTO plan_departments (plan, position, department, team, experts, deal, state, note)
    SELECT id, 0, department, team, 0, 'person', 'leads', '' FROM plans;
ALTER TABLE plans DROP COLUMN team;

ALTER TABLE plan_items ADD COLUMN department TEXT NOT NULL DEFAULT '';
ALTER TABLE plan_items ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
UPDATE plan_items SET department = (SELECT p.department FROM plans p WHERE p.id = plan_items.plan);

-- conditions: JSON of lists; an object belongs to the first cell that it fits. objects is the count when
-- the plan was last saved.
CREATE TABLE plan_strata (
    plan       TEXT NOT NULL REFERENCES plans (id),
    position   INTEGER NOT NULL,
    conditions TEXT NOT NULL,
    ratio_ppm  INTEGER CHECK (ratio_ppm BETWEEN 0 AND 1000000),
    number     INTEGER CHECK (number >= 0),
    reserves   INTEGER NOT NULL CHECK (reserves >= 0),
    objects    INTEGER NOT NULL,
    PRIMARY KEY (plan, position),
    CHECK ((ratio_ppm IS NULL) <> (number IS NULL))
) STRICT;
INSERT INTO plan_strata (plan, position, conditions, ratio_ppm, number, reserves, objects)
    SELECT plan, position, json_object('risk_classes', json_array(risk_class)), ratio_ppm, number, reserves, objects
    FROM plan_cells;
DROP TABLE plan_cells;

-- Objects that were named otherwise, where only inspectors are drawn.
CREATE TABLE plan_objects (
    plan   TEXT NOT NULL REFERENCES plans (id),
    object TEXT NOT NULL REFERENCES objects (id),
    PRIMARY KEY (plan, object)
) STRICT;

-- Bounds by level ('city', 'district') or by department, which goes before its level.
CREATE TABLE plan_limits (
    scope             TEXT PRIMARY KEY,
    -- Visits of one object in a year, of all departments together; NULL: no cap.
    visits            INTEGER CHECK (visits >= 1),
    -- Above this share of the scope a plan of general items is warned of.
    general_ratio_ppm INTEGER CHECK (general_ratio_ppm BETWEEN 0 AND 1000000)
) STRICT;

-- Fixed group 固定小组 within the department; '' is: in none.
ALTER TABLE inspectors ADD COLUMN fixed_group TEXT NOT NULL DEFAULT '';

CREATE TABLE inspector_leaves (
    id              TEXT PRIMARY KEY,
    inspector       TEXT NOT NULL REFERENCES inspectors (id),
    -- China dates, both included; no end: until further notice.
    from_date       TEXT NOT NULL,
    until_date      TEXT,
    reason          TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    removed_at      INTEGER
) STRICT;
CREATE INDEX inspector_leaves_by_inspector ON inspector_leaves (inspector);

-- Who was meant and is kept out, objects and inspectors.
CREATE TABLE draw_kept_out (
    draw   TEXT NOT NULL REFERENCES draws (id),
    kind   TEXT NOT NULL CHECK (kind IN ('object', 'inspector')),
    id     TEXT NOT NULL,
    name   TEXT NOT NULL,
    ground TEXT NOT NULL,
    PRIMARY KEY (draw, kind, id)
) STRICT;
INSERT INTO draw_kept_out SELECT draw, 'object', object, object_name, ground FROM draw_excluded;
DROP TABLE draw_excluded;

-- Week of a census, from 0.
ALTER TABLE draw_results ADD COLUMN week INTEGER;
ALTER TABLE draw_teams ADD COLUMN department TEXT NOT NULL DEFAULT '';
ALTER TABLE draw_teams ADD COLUMN role TEXT NOT NULL DEFAULT 'inspector' CHECK (role IN ('inspector', 'expert'));
UPDATE draw_teams SET department = (SELECT d.department FROM draws d WHERE d.id = draw_teams.draw);
