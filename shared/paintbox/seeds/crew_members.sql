WITH sample (id, name, email, skill_level, default_hourly_rate) AS (
    VALUES
        (
            '770e8400-e29b-41d4-a716-446655440001'::uuid,
            'Mike Johnson', 'mike.johnson@paintbox.com', 'EXPERT', 35.00
        ),
        (
            '770e8400-e29b-41d4-a716-446655440002'::uuid,
            'Sarah Wilson', 'sarah.wilson@paintbox.com', 'JOURNEYMAN', 28.00
        )
), inserted AS (
    INSERT INTO projects.crew_members (id, name, email, skill_level, default_hourly_rate)
    SELECT id, name, email, skill_level::projects.skill_level_enum, default_hourly_rate
      FROM sample
     ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT (SELECT count(*) FROM sample) AS samples, (SELECT count(*) FROM inserted) AS inserted;
