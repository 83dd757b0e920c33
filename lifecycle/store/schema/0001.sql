-- The store of the life of keys. One text for SQLite and for engines that speak
-- PostgreSQL: no extension, no sequence. Every identifier is a hash of what the row
-- is about, so that rows spread over a distributed engine, and a row that is sent
-- twice is one row. BYTES stands for the engine's type of raw bytes, BY
-- KEY for what makes it keep rows in order of their key, where that is a choice. Times are
-- milliseconds since 1970 (UTC); 0 is "not known" or "not yet".

-- A public key. id is the SHA-256 of blob: its fingerprint.
CREATE TABLE keys (
	id         BYTES PRIMARY KEY,
	type       TEXT NOT NULL,
	bits       BIGINT NOT NULL,
	blob       BYTES NOT NULL,
	first_seen BIGINT NOT NULL
);

-- A server, or the machine where an inventory was taken (machine is its name then).
CREATE TABLE hosts (
	id        BYTES PRIMARY KEY,
	host_key  TEXT NOT NULL,
	name      TEXT NOT NULL,
	port      BIGINT NOT NULL,
	addresses TEXT NOT NULL,
	machine   TEXT NOT NULL
);

-- One line that lets a key in, from its appearance until it was found gone. One that
-- comes back is a new row, of the next stretch. twin counts the lines of a file that say
-- the same of the same key.
CREATE TABLE places (
	host      BYTES NOT NULL,
	id        BYTES NOT NULL,
	account   TEXT NOT NULL,
	file      TEXT NOT NULL,
	line      BIGINT NOT NULL,
	key_id    BYTES NOT NULL,
	options   TEXT NOT NULL,
	comment   TEXT NOT NULL,
	forge     TEXT NOT NULL,
	twin      BIGINT NOT NULL,
	stretch   BIGINT NOT NULL,
	file_time BIGINT NOT NULL,
	appeared  BIGINT NOT NULL,
	gone      BIGINT NOT NULL,
	last_used BIGINT NOT NULL,
	PRIMARY KEY (host, id)
);
-- Nine of ten places are not used: the index has the others.
CREATE INDEX places_by_use ON places (host, last_used) WHERE gone = 0 AND last_used > 0;
CREATE INDEX places_by_key ON places (key_id);

-- When an account was read last, and how many places it has: counting millions of them
-- each time would take seconds.
CREATE TABLE accounts (
	host    BYTES NOT NULL,
	account TEXT NOT NULL,
	places  BIGINT NOT NULL,
	seen    BIGINT NOT NULL,
	PRIMARY KEY (host, account)
) BY KEY;

-- A file with a private key, as one viewer (a user of a machine) found it.
CREATE TABLE copies (
	host     BYTES NOT NULL,
	id       BYTES NOT NULL,
	viewer   TEXT NOT NULL,
	path     TEXT NOT NULL,
	key_id   BYTES,
	format   TEXT NOT NULL,
	clear    BIGINT NOT NULL,
	mode     BIGINT NOT NULL,
	modified BIGINT NOT NULL,
	appeared BIGINT NOT NULL,
	gone     BIGINT NOT NULL,
	PRIMARY KEY (host, id)
);
CREATE INDEX copies_by_key ON copies (key_id);

-- Uses of a key at a host in one day, by one client.
CREATE TABLE sightings (
	host      BYTES NOT NULL,
	id        BYTES NOT NULL,
	key_id    BYTES NOT NULL,
	source    TEXT NOT NULL,
	account   TEXT NOT NULL,
	client    TEXT NOT NULL,
	program   TEXT NOT NULL,
	first_use BIGINT NOT NULL,
	last_use  BIGINT NOT NULL,
	uses      BIGINT NOT NULL,
	PRIMARY KEY (host, id)
);
CREATE INDEX sightings_by_host ON sightings (host, last_use);
CREATE INDEX sightings_by_key ON sightings (key_id, last_use);

-- A stretch of time in which a source would have shown every use at a host.
CREATE TABLE watches (
	host          BYTES NOT NULL,
	id            BYTES NOT NULL,
	source        TEXT NOT NULL,
	watched_since BIGINT NOT NULL,
	watched_until BIGINT NOT NULL,
	PRIMARY KEY (host, id)
);

-- What a person says of a key.
CREATE TABLE claims (
	key_id  BYTES PRIMARY KEY,
	owner   TEXT NOT NULL,
	purpose TEXT NOT NULL,
	ticket  TEXT NOT NULL,
	expires BIGINT NOT NULL
);

-- One run. detail is compressed JSON of what has no table: which hosts and accounts
-- were read, what could not be seen, findings.
CREATE TABLE inventories (
	machine TEXT NOT NULL,
	account TEXT NOT NULL,
	taken   BIGINT NOT NULL,
	hosts   BIGINT NOT NULL,
	places  BIGINT NOT NULL,
	detail  BYTES NOT NULL,
	PRIMARY KEY (machine, account, taken)
);

-- Terminated keys. Rows are never deleted.
CREATE TABLE tombstones (
	key_id     BYTES PRIMARY KEY,
	terminated BIGINT NOT NULL,
	actor      TEXT NOT NULL,
	plan       TEXT NOT NULL,
	restored   BIGINT NOT NULL
);

-- Plans and their steps, as the planner wrote them (JSON).
CREATE TABLE plans (
	id   TEXT PRIMARY KEY,
	made BIGINT NOT NULL,
	body TEXT NOT NULL
);
CREATE TABLE steps (
	plan    TEXT NOT NULL,
	number  BIGINT NOT NULL,
	changed BIGINT NOT NULL,
	body    TEXT NOT NULL,
	PRIMARY KEY (plan, number)
);
