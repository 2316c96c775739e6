/* The log, the copies in Redis, and the trust lease: docs/revocation.md,
 * "Redis in front", for Spin.
 *
 * A person's session has a copy in Redis; their ending and one of somebody
 * else are rows of the log. A node polls and holds leases; the lease under which
 * a check is on its way stands for those of other nodes. The Redis process may
 * be emptied; another may come from an old snapshot and stand beside it, and
 * either is registered anew while both answer.
 *
 * Checked: once the ending was answered with success, no check that begins
 * later accepts the session (invariants I1 and I2).
 *
 *   spin -a docs/revocation.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan -m100000
 *
 * Given to spin, each of these leaves one rule out, and an error is found:
 *   -DLATEST      the newest row is applied, whatever is missing before it
 *   -DUNGUARDED   a copy is written without a look at the watermark, over marks
 *                 that were forgotten
 *   -DAPART       the watermark is looked at in one call, the copy written in
 *                 the next, over marks that were forgotten
 *   -DNUMBERLATE  the number of a copy is read after its rows
 *   -DMARKER      whichever process answers is believed
 *   -DEARLY       a registration after the ending confirms it
 *   -DNOWAIT      a new generation gets its first watermark at once
 *   -DASKED       whoever asks for the same ending again is answered at once
 */
#define ROWS 3 /* two endings, one registration */

/* SQL */
byte n;             /* the counter */
byte row[ROWS + 1]; /* 1: the person, 2: somebody else, 3: a registration */
bool ended;         /* the person's session, by row cut */
byte cut;
byte regRow, gen = 1; /* the generation of keys that is registered; 1 at the start */
byte home[3];       /* the process of each */

/* Redis: what process p holds of generation g is at KEYS(p, g). wm is the
 * watermark plus one, copy the number it was read at plus one; 0 is missing. */
#define KEYS(p, g) ((p) * 2 + (g) - 3)
byte wm[4], mark[4], copy[4];
bool second; /* process 2 is there */

/* The node's poll and lease, as generation (0: none) and number; and the lease
 * of the check on its way. */
byte pollGen, pollN, leaseGen, leaseN, heldGen, heldN;

bool success;

/* 1.25 s after a COMMIT no lease is left from a poll that began before it. */
#define over(r) ((leaseGen == 0 || leaseN >= r) && (pollGen == 0 || pollN >= r) && (heldGen == 0 || heldN >= r))
#define here    KEYS(home[gen], gen)

inline inForce() {
	do
	:: atomic { wm[here] > cut -> break } /* the registered process confirms it */
#ifdef EARLY
	:: atomic { regRow > cut -> break }
#endif
	:: atomic { over(cut) -> break }
	od
}

/* Its node may stop at any moment after the row is written. */
proctype Ending() {
	atomic { n < ROWS -> n++; cut = n; row[cut] = 1; ended = true };
	inForce();
	success = true
}

/* Somebody asks for the same, at another node, and finds it done. */
proctype Again() {
	ended;
#ifndef ASKED
	inForce();
#endif
	success = true
}

proctype Another() { atomic { n < ROWS -> n++; row[n] = 2 } }

/* Anybody applies what comes next, in one call of the registered process. */
proctype Raise() {
	byte r;
	do
	:: atomic { wm[here] != 0 && wm[here] <= n && row[wm[here]] != 3 -> r = wm[here];
		if :: row[r] == 1 -> mark[here] = r :: else fi; wm[here] = r + 1; r = 0 }
#ifdef LATEST
	:: atomic { wm[here] != 0 && wm[here] < n && row[n] != 3 ->
		if :: row[n] == 1 -> mark[here] = n :: else fi; wm[here] = n + 1 }
#endif
	od
}

proctype Poll() {
	do
	:: atomic { pollGen == 0 -> pollN = n; pollGen = gen }
	:: atomic { pollGen != 0 && wm[KEYS(home[pollGen], pollGen)] > pollN -> leaseN = pollN; leaseGen = pollGen; pollGen = 0; pollN = 0 }
#ifdef MARKER
	:: atomic { pollGen != 0 && wm[KEYS(2, pollGen)] > pollN -> leaseN = pollN; leaseGen = pollGen; pollGen = 0; pollN = 0 }
#endif
	:: atomic { pollGen != 0 -> pollGen = 0; pollN = 0 }    /* no answer */
	:: atomic { leaseGen != 0 -> leaseGen = 0; leaseN = 0 } /* a second is over */
	:: atomic { heldGen != 0 -> heldGen = 0; heldN = 0 }    /* and there */
	od
}

#define hits(k) (wm[k] > at && copy[k] != 0 && copy[k] > mark[k])

/* One check on its way at a time. */
proctype Check() {
	byte g, at; bool began, hit;
	do
	:: atomic { leaseGen != 0 -> heldGen = leaseGen; heldN = leaseN; g = leaseGen; at = leaseN; began = success };
		if
		:: atomic { hit = hits(KEYS(home[g], g)) }
#ifdef MARKER
		:: atomic { second -> hit = hits(KEYS(2, g)) }
#endif
		:: skip /* no answer */
		fi;
		atomic { assert(!(heldGen != 0 && hit && began)); heldGen = 0; heldN = 0; g = 0; at = 0; began = false; hit = false }
	od
}

/* One refill on its way at a time. */
proctype Refill() {
	byte g, at; bool alive;
	do
#ifdef NUMBERLATE
	:: alive = !ended; at = n; g = gen;
#else
	:: atomic { alive = !ended; at = n; g = gen };
#endif
		if
#ifdef UNGUARDED
		:: atomic { alive -> copy[KEYS(home[g], g)] = at + 1; mark[KEYS(home[g], g)] = 0 }
#endif
#ifdef APART
		:: atomic { alive && wm[KEYS(home[g], g)] != 0 && wm[KEYS(home[g], g)] <= at + 1 };
			atomic { copy[KEYS(home[g], g)] = at + 1; mark[KEYS(home[g], g)] = 0 }
#endif
		:: atomic { alive && wm[KEYS(home[g], g)] != 0 && wm[KEYS(home[g], g)] <= at + 1 -> copy[KEYS(home[g], g)] = at + 1 }
		:: skip
		fi;
		atomic { g = 0; at = 0; alive = false }
	od
}

/* Somebody registers the other process, or the one that was emptied, under
 * keys never used before, and sets their first watermark in one attempt when
 * every lease on the others has run out. */
proctype Register() {
	byte mine;
	atomic { n < ROWS && (second || wm[here] == 0) -> n++; mine = n; row[mine] = 3; regRow = mine; gen++;
		if :: second -> home[gen] = 2 :: home[gen] = home[gen - 1] fi };
#ifndef NOWAIT
	over(mine);
#endif
	atomic { wm[here] == 0 -> wm[here] = mine + 1 }
}

proctype Fate() {
	do
	:: d_step { !second -> second = true; /* a replica that lags, or an old snapshot */
		wm[KEYS(2, 1)] = wm[KEYS(1, 1)]; mark[KEYS(2, 1)] = mark[KEYS(1, 1)]; copy[KEYS(2, 1)] = copy[KEYS(1, 1)] }
	:: d_step { wm[KEYS(1, 1)] + wm[KEYS(1, 2)] != 0 -> /* emptied */
		wm[KEYS(1, 1)] = 0; mark[KEYS(1, 1)] = 0; copy[KEYS(1, 1)] = 0; wm[KEYS(1, 2)] = 0; mark[KEYS(1, 2)] = 0; copy[KEYS(1, 2)] = 0 }
	:: d_step { wm[KEYS(2, 1)] + wm[KEYS(2, 2)] != 0 ->
		wm[KEYS(2, 1)] = 0; mark[KEYS(2, 1)] = 0; copy[KEYS(2, 1)] = 0; wm[KEYS(2, 2)] = 0; mark[KEYS(2, 2)] = 0; copy[KEYS(2, 2)] = 0 }
	od
}

init {
	atomic {
		home[1] = 1; home[2] = 1; wm[KEYS(1, 1)] = 1;
		run Ending(); run Again(); run Another(); run Raise(); run Poll(); run Check(); run Refill(); run Register(); run Fate()
	}
}
