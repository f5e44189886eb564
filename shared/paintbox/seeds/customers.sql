WITH sample (id, first_name, last_name, email, company, account_type, street, city, state, postal_code, created_by) AS (
    VALUES
        (
            '550e8400-e29b-41d4-a716-446655440001'::uuid,
            'John', 'Smith', 'john.smith@example.com', 'Smith Enterprises', 'COMMERCIAL',
            '123 Business Ave', 'Portland', 'OR', '97201',
            '550e8400-e29b-41d4-a716-446655440000'::uuid
        ),
        (
            '550e8400-e29b-41d4-a716-446655440002'::uuid,
            'Jane', 'Doe', 'jane.doe@homeowner.com', NULL, 'RESIDENTIAL',
            '456 Residential St', 'Portland', 'OR', '97202',
            '550e8400-e29b-41d4-a716-446655440000'::uuid
        )
), inserted AS (
    INSERT INTO customers.customers (
        id, first_name, last_name, email, company, account_type,
        mailing_street, mailing_city, mailing_state, mailing_postal_code, created_by
    )
    SELECT id, first_name, last_name, email, company, account_type::customers.account_type_enum,
           street, city, state, postal_code, created_by
      FROM sample
     ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT (SELECT count(*) FROM sample) AS samples, (SELECT count(*) FROM inserted) AS inserted;
