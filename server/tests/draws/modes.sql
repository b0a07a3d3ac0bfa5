-- What the stories of modes need beside the registers: tags, a second department, groups, experts.
UPDATE objects SET tags = '["重点关注"]' WHERE id IN ('object-a-4', 'object-a-5', 'object-b-3', 'object-b-4');
INSERT INTO inspectors (id, name, sex, certificate, certificate_until, department, unit, post, districts, expertise, languages, capacity, expert, status, changed_at, fixed_group) VALUES
    ('fire-0', '示例消防员0', '', '4403-f0', '2027-12-31', 'fire', '示例大队', '', '["440303","440304"]', '["消防"]', '[]', NULL, 0, 'active', 0, '一组'),
    ('fire-1', '示例消防员1', '', '4403-f1', '2027-12-31', 'fire', '示例大队', '', '["440303","440304"]', '[]', '[]', NULL, 0, 'active', 0, '一组'),
    ('fire-2', '示例消防员2', '', '4403-f2', '2027-12-31', 'fire', '示例大队', '', '["440303","440304"]', '["消防"]', '[]', NULL, 0, 'active', 0, '二组'),
    ('fire-3', '示例消防员3', '', '4403-f3', '2027-12-31', 'fire', '示例大队', '', '["440303","440304"]', '[]', '[]', NULL, 0, 'active', 0, '二组'),
    ('fire-4', '示例消防员4', '', '4403-f4', '2027-12-31', 'fire', '示例大队', '', '["440303","440304"]', '[]', '[]', NULL, 0, 'active', 0, '二组'),
    ('expert-0', '示例专家0', '', '专家-0', NULL, 'market', '示例检测院', '', '[]', '["食品"]', '[]', NULL, 1, 'active', 0, ''),
    ('expert-1', '示例专家1', '', '专家-1', NULL, 'market', '示例检测院', '', '[]', '["消防"]', '[]', NULL, 1, 'active', 0, '');
INSERT INTO items (id, code, department, version, status) VALUES ('item-3', 'XF-01', 'fire', 1, 'active');
INSERT INTO item_versions (item, version, facts, sheet, created_at, created_by, reason) VALUES ('item-3', 1, '{"code":"XF-01","name":"示例消防事项","department":"fire","basis":["中华人民共和国消防法"],"object_kind":"","content":"","method":"","ratio":"","frequency":"","level":"","power_code":"","needs":["消防"],"priority":true,"valid_from":"","valid_until":""}', '{"item":"XF-01","name":"示例消防事项","department":"fire","version":1,"basis":["中华人民共和国消防法"],"points":[{"id":"p1","no":1,"content":"疏散通道","basis":"","requirement":"","method":"","answer":{"kind":"verdict"},"photo":"optional","note":"optional"}]}', 0, '示例', '');
