WITH sample (
    id, customer_id, name, type, priority, status, street, city, state, postal_code,
    scheduled_start_date, scheduled_end_date, budget_amount, created_by
) AS (
    VALUES
        (
            '660e8400-e29b-41d4-a716-446655440001'::uuid,
            '550e8400-e29b-41d4-a716-446655440001'::uuid,
            'Office Building Exterior Painting', 'EXTERIOR_PAINTING', 'HIGH', 'SCHEDULED',
            '123 Business Ave', 'Portland', 'OR', '97201',
            '2024-03-01'::date, '2024-03-15'::date, 25000.00,
            '550e8400-e29b-41d4-a716-446655440000'::uuid
        ),
        (
            '660e8400-e29b-41d4-a716-446655440002'::uuid,
            '550e8400-e29b-41d4-a716-446655440002'::uuid,
            'Living Room Interior Paint', 'INTERIOR_PAINTING', 'NORMAL', 'PLANNING',
            '456 Residential St', 'Portland', 'OR', '97202',
            '2024-03-10'::date, '2024-03-12'::date, 3500.00,
            '550e8400-e29b-41d4-a716-446655440000'::uuid
        )
), inserted AS (
    INSERT INTO projects.projects (
        id, customer_id, name, type, priority, status,
        service_street, service_city, service_state, service_postal_code,
        scheduled_start_date, scheduled_end_date, budget_amount, created_by
    )
    SELECT id, customer_id, name, type::projects.project_type_enum, priority::projects.project_priority_enum,
           status::projects.project_status_enum, street, city, state, postal_code,
           scheduled_start_date, scheduled_end_date, budget_amount, created_by
      FROM sample
     ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT (SELECT count(*) FROM sample) AS samples, (SELECT count(*) FROM inserted) AS inserted;
