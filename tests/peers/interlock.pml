/* The world around a lane, for Spin. The lane itself is `lane_table.h`, which tests/peers/lane_table.py writes from the shipping
 * `step()`: lane_next, lane_sends and lane_flags, indexed by lane state and event. What is written here is the world only, once more
 * and in another language than tests/unit/lane/walk_world.py: a wire that carries two commands, keeps their order and loses commands,
 * acknowledgements, or the older command when it is full; reports that are overtaken; leases that end; doors that are pushed; up to
 * two people; officers; records; a controller that crashes. The emergency is left to the walk.
 *
 * Every assertion names its property: S1 both doors, S2 the exit, S4 evidence.
 */

c_decl {
\#include "lane_table.h"
};

#define LOCK_ENTRY 1
#define LOCK_EXIT 2
#define UNLOCK_ENTRY 3
#define UNLOCK_EXIT 4

#define LOCKED 0
#define CLOSED 1
#define OPEN 2

/* events; reports are 0 .. 53: ((newest * 3 + entry) * 3 + exit) * 3 + persons */
#define TIMER 54
#define DOCUMENT 55
#define REMOVED 56
#define HELP 57
#define CLEAR 58
#define RELEASE 59
#define HOLD 60
#define ENTRY_ADMIT 61
#define ENTRY_REFER 62
#define EXIT_ADMIT 63
#define EXIT_REFER 64
#define DURABLE 65
#define FAILED 66

/* flags of a step */
#define READS 1
#define CAPTURES 2
#define RECORDS 4
#define DROPS 8
#define EXITS 16

short lane = 0;
byte event = 0, sends = 0, flags = 0;

byte older = 0, newer = 0;                     /* the wire: the next command to arrive, and the one after it */
bool older_newest = false, newer_newest = false;
bool acknowledged = true;                      /* whether the newest command of this controller was acknowledged */
bool waiting = false, sample_newest = false, sample_clean = false;
byte sample = 0;                               /* a report on its way */
bool clean = false;                            /* ghost: the lane's evidence is newer than all that was ever sent */

bool entry_open = false, exit_open = false, entry_lease = false, exit_lease = false;
byte persons = 0;
byte work = 0;                                 /* 1 reading, 2 capturing */
byte writing = 0;                              /* a record on its way: 1 the exit waits for it, 2 nothing may come of it */
bool right = false;                            /* ghost: a durable record stands behind the next opening of the exit */

#define SENSOR(open, lease) (open -> OPEN : (lease -> CLOSED : LOCKED))

inline put(command, is_newest) {
    if
    :: older == 0 -> older = command; older_newest = is_newest
    :: older != 0 && newer == 0 -> newer = command; newer_newest = is_newest
    :: else -> older = newer; older_newest = newer_newest; newer = command; newer_newest = is_newest
    fi
}

inline shift() {
    older = newer; older_newest = newer_newest; newer = 0; newer_newest = false
}

inline tell(what) {
    event = what;
    c_code {
        now.flags = lane_flags[now.lane][now.event];
        now.sends = lane_sends[now.lane][now.event];
        now.lane = lane_next[now.lane][now.event];
    };
    assert((sends & 7) < UNLOCK_ENTRY || clean);                       /* S4 */
    assert(!(flags & EXITS) || (right && persons == 1));               /* S2 */
    if
    :: sends != 0 ->
        older_newest = false; newer_newest = false; sample_newest = false; acknowledged = false; clean = false;
        if
        :: sends > 7 -> put(sends & 7, false); put(sends >> 3, true)
        :: else -> put(sends, true)
        fi
    :: else
    fi;
    if :: flags & (DROPS | EXITS) -> right = false; work = 0; writing = (writing -> 2 : 0) :: else fi;
    if :: flags & READS -> work = 1 :: else fi;
    if :: flags & CAPTURES -> work = 2 :: else fi;
    if :: flags & RECORDS -> writing = 1 :: else fi;
    event = 0; sends = 0; flags = 0
}

inline carry_out() {
    if
    :: older == LOCK_ENTRY -> entry_lease = false
    :: older == LOCK_EXIT -> exit_lease = false
    :: older == UNLOCK_ENTRY -> assert(!exit_open && !exit_lease); entry_lease = true      /* S1 */
    :: older == UNLOCK_EXIT -> assert(!entry_open && !entry_lease); exit_lease = true      /* S1 */
    fi
}

init {
    do
    /* the gate unit and the wire */
    :: d_step { older != 0 -> carry_out(); acknowledged = acknowledged || older_newest; shift() }
    :: d_step { older != 0 && older_newest -> carry_out(); shift() }
    :: d_step { older != 0 -> shift() }
    :: d_step { entry_lease -> entry_lease = false }
    :: d_step { exit_lease -> exit_lease = false }
    :: d_step { !waiting ->
        waiting = true; sample_newest = acknowledged; sample_clean = (older == 0);
        sample = (SENSOR(entry_open, entry_lease) * 3 + SENSOR(exit_open, exit_lease)) * 3 + persons }
    /* people */
    :: d_step { entry_lease && !entry_open -> entry_open = true }
    :: d_step { exit_lease && !exit_open -> exit_open = true }
    :: d_step { entry_open -> entry_open = false }
    :: d_step { exit_open -> exit_open = false }
    :: d_step { (entry_open || exit_open) && persons < 2 -> persons++ }
    :: d_step { (entry_open || exit_open) && persons > 0 -> persons-- }
    /* what the lane hears */
    :: d_step { waiting ->
        waiting = false; clean = sample_clean; tell(sample_newest * 27 + sample); sample = 0; sample_newest = false;
        sample_clean = false }
    :: d_step { true -> tell(TIMER) }
    :: d_step { true -> tell(DOCUMENT) }
    :: d_step { true -> tell(HELP) }
    :: d_step { true -> tell(CLEAR) }
    :: d_step { true -> tell(RELEASE) }
    :: d_step { true -> tell(HOLD) }
    :: d_step { work == 1 -> work = 0; tell(REMOVED) }
    :: d_step { work == 1 -> work = 0; tell(ENTRY_ADMIT) }
    :: d_step { work == 1 -> work = 0; tell(ENTRY_REFER) }
    :: d_step { work == 2 -> work = 0; tell(EXIT_ADMIT) }
    :: d_step { work == 2 -> work = 0; tell(EXIT_REFER) }
    :: d_step { writing -> right = right || writing == 1; writing = 0; tell(DURABLE) }
    :: d_step { writing -> writing = 0; tell(FAILED) }
    /* the controller crashes and starts again */
    :: d_step { true ->
        lane = 0; older_newest = false; newer_newest = false; acknowledged = true; waiting = false; sample = 0;
        sample_newest = false; sample_clean = false; clean = false; work = 0; writing = 0; right = false }
    od
}
