/** What the agent tells of by a code, family by family, as in its `api/fault.rs`. */
export default {
  fault: {
    record: {
      not_on_team: 'The author is not on the team. It lies in the office’s quarantine, where the administrator decides.',
      device_revoked: 'This tablet was revoked. What was written since lies in the office’s quarantine, where a supervisor decides.',
      relieved: 'You were relieved. What you wrote since was not taken into the record; the office’s quarantine keeps it.',
      fork: 'A number was used twice: this tablet was probably restored from a copy. Ask your administrator.',
      record_full: 'The record holds no more changes. Ask your administrator.',
      too_large: 'It is too large; the office did not take it. Ask your administrator.',
      held: 'The office did not take it; it lies in quarantine. Ask your administrator.',
      signature: 'The office did not take a signature. Ask your administrator.',
      quarantine_full: 'The office’s quarantine for this tablet is full, so this is still on the tablet only. Ask your administrator; it is tried again by itself.',
      not_now: 'The office could not take it now, so it is still on the tablet only. It is tried again by itself.',
    },
    file: {
      record_not_there: 'The office takes it once it has the record to which it belongs.',
      came_damaged: 'It did not reach the office whole; it is sent again.',
      damaged_here: 'The file on this tablet is damaged or gone. Ask your administrator.',
      too_large: 'The file is too large; the office does not take it.',
      unknown_there: 'The office does not know this file yet; it is tried again later.',
      not_taken: 'The office did not take this file; it is tried again later.',
      differs: 'What came is not the file that the record names; it is fetched again.',
    },
    photo: {
      exif_damaged: 'When and where the photo was taken cannot be read from it (EXIF damaged); time and place are the tablet’s.',
    },
    nearby: {
      not_reached: 'This tablet cannot be reached. Are both on one network, and is “Tablets nearby” switched on there?',
      no_answer: 'This tablet did not answer; it is asked again.',
      other_team: 'This tablet is not of one of your teams; nothing was exchanged with it.',
      bad_answer: 'What this tablet answered cannot be read.',
      other_tablet: 'At this address is not the tablet whose code was scanned; nothing was exchanged with it. Scan its QR code anew.',
      much_refused: 'Much of what this tablet handed over is not right, so nothing more was taken. Ask its inspectors in person, and tell your administrator.',
      no_common_task: 'The other tablet has no task in common with this one.',
      closed: 'The other tablet is locked, or “Tablets nearby” is not switched on there.',
      not_taken: 'The other tablet refused the request.',
    },
    bundle: {
      cut_off: 'The end of the file is missing; what is whole was imported. Copy it anew and import it once more.',
      too_many_tasks: 'The file speaks of more tasks than this program puts into one; the rest was not imported. Ask whoever made it.',
      damaged_later: 'The file is damaged from somewhere on; what stands before was imported. Copy or export it anew and import it once more.',
    },
    cell: {
      no_such_cell: 'The record has no such field.',
      bad_value: 'This cannot stand here: it is too long, or of another kind.',
      not_yours: 'This field is not yours to fill in.',
      written_once: 'What a photo or clip is, is written only once. Where it differs, choose one of what is there.',
      not_in_form: 'The check sheet has no such item or check point.',
      no_such_answer: 'The check point knows no such answer.',
    },
  },
}
