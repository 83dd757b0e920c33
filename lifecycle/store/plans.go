package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// Plan is a plan as the planner wrote it: the store does not look into it.
type Plan struct {
	ID    string          // "r-17"
	Made  time.Time       //
	Body  json.RawMessage // the plan without the state of its steps
	Steps []Step          // in order
}

// Step is the state of one step of a plan.
type Step struct {
	Number  int             // from 1
	Changed time.Time       //
	Body    json.RawMessage //
}

// SavePlan adds a plan with its steps, or replaces it whole.
func (s *Store) SavePlan(ctx context.Context, plan Plan) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		query := "INSERT INTO plans (id, made, body) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET made = excluded.made, body = excluded.body"
		if _, err := tx.ExecContext(ctx, query, plan.ID, millis(plan.Made), string(plan.Body)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM steps WHERE plan = $1", plan.ID); err != nil {
			return err
		}
		for _, step := range plan.Steps {
			if err := saveStep(ctx, tx, plan.ID, step); err != nil {
				return err
			}
		}
		return nil
	})
}

// SaveStep adds or replaces one step of a plan. It is on the disk when SaveStep returns.
func (s *Store) SaveStep(ctx context.Context, plan string, step Step) error {
	return s.write(ctx, func(tx *sql.Tx) error { return saveStep(ctx, tx, plan, step) })
}

func saveStep(ctx context.Context, tx *sql.Tx, plan string, step Step) error {
	query := "INSERT INTO steps (plan, number, changed, body) VALUES ($1, $2, $3, $4) ON CONFLICT (plan, number) DO UPDATE SET changed = excluded.changed, body = excluded.body"
	_, err := tx.ExecContext(ctx, query, plan, step.Number, millis(step.Changed), string(step.Body))
	return err
}

// Plan returns a plan with its steps. An unknown id is ErrNone.
func (s *Store) Plan(ctx context.Context, id string) (Plan, error) {
	plan := Plan{ID: id}
	var made int64
	err := s.db.QueryRowContext(ctx, "SELECT made, body FROM plans WHERE id = $1", id).Scan(&made, (*[]byte)(&plan.Body))
	if errors.Is(err, sql.ErrNoRows) {
		return plan, ErrNone
	}
	if err != nil {
		return plan, err
	}
	plan.Made = fromMillis(made)
	query := "SELECT number, changed, body FROM steps WHERE plan = $1 ORDER BY number"
	err = each(ctx, s.db, query, []any{id}, func(scan func(...any) error) error {
		var step Step
		var changed int64
		err := scan(&step.Number, &changed, (*[]byte)(&step.Body))
		step.Changed = fromMillis(changed)
		plan.Steps = append(plan.Steps, step)
		return err
	})
	return plan, err
}

// Plans returns all plans without their steps, newest first.
func (s *Store) Plans(ctx context.Context) (plans []Plan, err error) {
	err = each(ctx, s.db, "SELECT id, made, body FROM plans ORDER BY made DESC, id", nil, func(scan func(...any) error) error {
		var plan Plan
		var made int64
		err := scan(&plan.ID, &made, (*[]byte)(&plan.Body))
		plan.Made = fromMillis(made)
		plans = append(plans, plan)
		return err
	})
	return plans, err
}
